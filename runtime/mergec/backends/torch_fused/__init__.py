"""PyTorch on a CUDA device: kernels that Inductor fuses, and copies that overlap.

Stages note what is to be computed, as for `native` (`lazy`). A block's kernel becomes a graph of
tensor operations (`replay`), which `torch.compile` makes a few device kernels of, once for all
lengths and numbers (`programs`). Each thread has a stream of its own and pinned memory to copy
through (`staging`), so that blocks of several threads are read, copied and computed at one time.
"""

from mergec.backends.torch_fused.backend import FusedTorchBackend

__all__ = ["FusedTorchBackend"]
