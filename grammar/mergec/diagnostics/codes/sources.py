"""Codes of sources and files."""

from mergec.diagnostics.codes.code import code

ROWS = (
    code(
        "E701",
        "source-missing",
        "a source does not exist",
        "Nothing exists at this path. References that begin with `./` or `../` are "
        "relative to the folder of the spec, and paths on the command line to the current "
        "one. Check the spelling; the help names a neighbour that looks alike.",
    ),
    code(
        "E702",
        "not-regular",
        "a source is not a regular file or a folder",
        "A source is a safetensors file or a folder that holds one, and a spec is a file. "
        "Here stands something else, such as a device or a pipe. It is not opened, "
        "because reading it might never end.",
    ),
    code(
        "E703",
        "truncated",
        "a safetensors file is shorter than its header says",
        "The header says how long the file must be, and it is shorter: a download was cut "
        "off, or a copy is still under way. Fetch the file again and compare its size or "
        "its hash with the original.",
    ),
    code(
        "E704",
        "wrong-format",
        "a file is not safetensors but something else",
        "The name says safetensors, but the bytes are those of something else; the "
        "message says of what. A web page in place of weights is often an error page that "
        "was saved by a download. Fetch the file again, or convert it.",
    ),
    code(
        "E705",
        "lfs-pointer",
        "a Git LFS pointer stands where the weights should be",
        "The repository was cloned without its large files, so a small text stands where "
        "the weights should be. Run `git lfs pull` in the folder of the source.",
    ),
    code(
        "E706",
        "pickle",
        "a checkpoint in a pickle format, which mergec never opens",
        "Loading a pickle runs code that its author chose, so mergec never opens one. "
        "Convert the checkpoint to safetensors in a place where you trust that code, and "
        "name the result.",
        exit=12,
    ),
    code(
        "E707",
        "bad-header",
        "a safetensors header breaks the format",
        "A safetensors file begins with the length of its header and the header as JSON, "
        "which must follow the format to the letter. Readers that are lenient here "
        "disagree about what a file holds. Write the file again with the safetensors "
        "library.",
    ),
    code(
        "E708",
        "header-limit",
        "a safetensors header exceeds a limit",
        "A header is limited in size, in its number of tensors, and in the length of "
        "their names. Real checkpoints stay far below these limits, which keep a hostile "
        "file from filling the memory. Check where the file comes from.",
    ),
    code(
        "E709",
        "duplicate-key",
        "a key stands twice in a header or a JSON file",
        "Of two values for one key some readers take the first and others the last, so "
        "such a file means different things to different programs. Write the file again "
        "so that each key stands once.",
    ),
    code(
        "E710",
        "bad-index",
        "a shard index is not well-formed or contradicts its shards",
        "The index of a sharded checkpoint says which file holds each tensor. It is not "
        "the JSON it should be, or it and the shards disagree. Fetch the index again "
        "together with its shards.",
    ),
    code(
        "E711",
        "shard-missing",
        "the index names a shard that does not exist",
        "Part of a sharded checkpoint is missing, so some tensors are nowhere. The "
        "message lists what is missing. A download that was interrupted is the usual "
        "reason; fetch the files again.",
    ),
    code(
        "E712",
        "shard-path",
        "the index names a path outside the checkpoint",
        "Shards lie beside their index. This index names a path that leads elsewhere, and "
        "following it could read any file of this machine. Use a checkpoint from a place "
        "you trust, or write the index again with plain file names.",
        exit=12,
    ),
    code(
        "E713",
        "bad-config",
        "config.json is not readable",
        "The file `config.json` describes the architecture and is copied to the child, so "
        "it must be well-formed JSON. Fetch it again, or repair it at the place that the "
        "message gives.",
    ),
    code(
        "E714",
        "no-tensors",
        "a checkpoint without tensors",
        "There are no weights here to merge. The folder may be one above or below the one "
        "you mean, or the download brought only the small files.",
    ),
    code(
        "E715",
        "cannot-open",
        "the system refused to open a file",
        "The file exists, but the system did not let mergec read it, for the reason "
        "given. Check its permissions, and those of the folders above it.",
        exit=8,
    ),
    code(
        "E716",
        "reference",
        "a source reference that this mergec cannot resolve",
        "A reference that begins with `./`, `../`, `/` or `~` is a path, `org/name` or "
        "`org/name@revision` is a model on a hub, and `s3://`, `gs://`, `az://` or `https://` "
        "begin a place in a store. This is none of them. Copy the checkpoint to a folder, and "
        "name that.",
    ),
    code(
        "E717",
        "ambiguous-files",
        "several safetensors files and no index",
        "The folder holds several safetensors files that could each be the checkpoint, "
        "and no index that joins them. Name the file you mean, or add the index.",
    ),
    code(
        "E718",
        "bad-tensor-name",
        "a tensor name that mergec refuses",
        "Tensor names become keys and parts of messages, so empty names, very long ones "
        "and those with control characters are refused. Rename the tensor in the program "
        "that wrote the file.",
    ),
    code(
        "E719",
        "bad-offsets",
        "tensor offsets overlap, leave holes or contradict the shape",
        "The header gives every tensor a stretch of the file that fits its shape and "
        "dtype, and the stretches must lie side by side without holes. Otherwise two "
        "programs could read different weights from one file. Write the file again with "
        "the safetensors library.",
    ),
    code(
        "E720",
        "trailing-bytes",
        "a safetensors file goes on after its last tensor",
        "The file is longer than its tensors. The bytes behind the last one belong to "
        "nothing; they may be left over from a larger file, or hidden there. Write the "
        "file again with the safetensors library.",
    ),
    code(
        "E721",
        "import-outside",
        "an import leaves the project",
        "`use` reads specs below the project's root: the nearest folder above the spec "
        "with `.git` or `mergec.toml`, else the spec's own folder. A spec that is checked "
        "out from elsewhere can so never read a file that is not part of it.",
        exit=12,
    ),
    code(
        "E722",
        "hub-library",
        "a model on a hub is named, and the package that reads hubs is not installed",
        "Models on a hub are read through the package `huggingface_hub`, which is installed "
        "with the extra `hub` and not with mergec itself. Install it, or download the model "
        "and name its folder.",
    ),
    code(
        "E723",
        "hub-model",
        "the hub has no such model, or does not show it to this account",
        "A hub does not say whether a model is missing or private, so that nobody learns of "
        "private models by asking. Check the spelling, and log in if the model is private.",
    ),
    code(
        "E724",
        "hub-revision",
        "a model on a hub has no such revision",
        "The text behind the `@`, or in `rev`, names a branch, a tag or a commit. This model "
        "has none of that name; it may have been removed since the spec or the plan was "
        "written. Look at the history on the model's page, and name one that is there.",
    ),
    code(
        "E725",
        "hub-access",
        "a model on a hub that this account may not read",
        "The model is gated: its files are given only to accounts that accepted its terms. "
        "Accept them on the model's page, and log in with `hf auth login`, or set `HF_TOKEN`.",
    ),
    code(
        "E726",
        "hub-unreachable",
        "a hub that does not answer, or not completely",
        "The hub could not be reached, answered with an error, or the connection broke off, "
        "and trying again some times did not help. Nothing was published. Run again: files "
        "that are complete in the cache are not fetched again, and with `--offline` nothing "
        "else is read.",
    ),
    code(
        "E727",
        "hub-offline",
        "a model on a hub is not in the cache, and mergec is offline",
        "With `--offline`, or with `HF_HUB_OFFLINE` set, models on a hub are read from the "
        "hub's cache alone. The files of this revision are not all there: headers too are "
        "read from whole files then. Run once while the hub can be reached.",
    ),
    code(
        "E728",
        "hub-limit",
        "a model on a hub has more small files than mergec fetches",
        "To check and to plan, the configuration, the tokenizer and other small files of a "
        "model are fetched. Together they may have 512 MiB, which real models stay far below "
        "and which keeps somebody else's spec from filling the disk. Download the model "
        "where you trust it, and name its folder.",
    ),
    code(
        "E729",
        "not-an-adapter",
        "a folder holds no adapter",
        "`adapter` reads a folder in PEFT's format: `adapter_config.json`, which says how the "
        "tensors are meant, and `adapter_model.safetensors`, which holds them. Without the first, "
        "nothing says what the second means.",
    ),
    code(
        "E730",
        "adapter-config",
        "adapter_config.json does not say what it must",
        "Rank, scale and kind of an adapter stand in `adapter_config.json`; one of them is missing "
        "or is no value that it can have. None has a default here, for a wrong scale is not seen "
        "in the result. Restore the file from the adapter's own page.",
    ),
    code(
        "E731",
        "adapter-unsupported",
        "an adapter has a feature that mergec does not support",
        "mergec reads LoRA adapters: ranks and scales by module, rsLoRA, DoRA, embeddings, layers "
        "and biases that were trained whole. Other kinds compute something else from their "
        "tensors, and some initialisations change the base too. What is not supported is never "
        "ignored. "
        "Merge such an adapter with PEFT first, and name the merged model.",
    ),
    code(
        "E732",
        "adapter-tensor",
        "a tensor of an adapter cannot be placed",
        "A change of a weight is the product of two factors, A and B, which must both be there; "
        "and every tensor of the file must be one that PEFT's format knows. A file that has one "
        "factor without the other was not saved or not downloaded whole.",
    ),
    code(
        "E733",
        "adapter-rank",
        "the factors of an adapter do not have the rank that it states",
        "A has as many rows, and B as many columns, as the rank that `adapter_config.json` states "
        "for the module. The scale depends on that rank, so a config that does not fit its tensors "
        "cannot be trusted. Restore both files from the adapter's own page.",
    ),
    code(
        "E734",
        "adapter-duplicate",
        "two tensors of an adapter are for one place",
        "Wrappers of PEFT put prefixes and the adapter's name into tensor names; without them two "
        "tensors of this file have one name, and it is not clear which counts. Save each adapter "
        "to a folder of its own.",
    ),
    code(
        "E735",
        "adapter-as-model",
        "a folder that holds an adapter is named as a model",
        "The folder holds `adapter_config.json` and the factors of a low-rank change, and no "
        "model. Name it by `adapter(...)`, and add it to the model that it was trained on, as in "
        "`base + lora`.",
    ),
    code(
        "E736",
        "adapter-magnitudes",
        "the magnitudes of a DoRA do not fit its factors",
        "A DoRA has a magnitude for each output of each layer that it changes, beside factors, and "
        "says `use_dora` in `adapter_config.json`. Some are missing, have another number of "
        "elements, stand without factors, or the config does not speak of them. Restore both files "
        "from the adapter's own page.",
    ),
    code(
        "E740",
        "store-library",
        "a source is in an object store, and the package that reads stores is not installed",
        "Object stores and web servers are read through the package `obstore`, which is installed "
        "with the extra `cloud` and not with mergec itself. Install it, or copy the checkpoint "
        "here and name its folder.",
    ),
    code(
        "E741",
        "store-reference",
        "a reference has the scheme of a store and cannot be a place in one",
        "Behind `s3://` and `gs://` stands a bucket, behind `az://` a container, behind `https://` "
        "a host, then the folder of a checkpoint or one `.safetensors` file. Names, passwords, "
        "keys and queries are refused, because references are printed and published; credentials "
        "belong in the variables of each cloud. `http://` would let anyone on the way change the "
        "weights; it is read from this machine alone, while `MERGEC_ALLOW_HTTP=1` is set.",
    ),
    code(
        "E742",
        "store-access",
        "a store does not let these credentials read a source",
        "The store wants credentials and none are set, or those that are set do not suffice. They "
        "are taken from the variables that each cloud's own tools use; the help names them. To "
        "check and to plan, mergec lists the folder and reads objects; nothing else is asked for.",
    ),
    code(
        "E743",
        "store-missing",
        "a bucket, folder or object of a store does not exist",
        "The store says that there is no such bucket or container, or it has no object under this "
        "path. A web server tells no names, so there `model.safetensors` or its index must be "
        "found. Correct the reference.",
    ),
    code(
        "E744",
        "store-unreachable",
        "a store that does not answer, or not completely",
        "The store could not be reached, answered with an error, or the connection broke off, and "
        "trying again some times from where it ended did not help. Nothing was published. Run "
        "again when the store can be reached.",
    ),
    code(
        "E745",
        "store-changed",
        "an object in a store changed while it was read",
        "Each object is pinned by its ETag when its header is read, and every later request asks "
        "for that state. The store has another one now, or none. What had been merged was thrown "
        "away, because half of it would have belonged to another model. Run again when nothing "
        "writes there.",
        exit=10,
    ),
    code(
        "E746",
        "store-offline",
        "a source is in an object store, and mergec is offline",
        "With `--offline` nothing is asked of any server, and weights in stores are kept nowhere "
        "here. Copy the checkpoint to a folder, or run without the option.",
    ),
    code(
        "E747",
        "store-limit",
        "a folder in a store holds more than mergec looks at",
        "Together the small files of a checkpoint may have 512 MiB, and a folder 100,000 objects. "
        "Real checkpoints stay far below, and the limits keep somebody else's spec from filling "
        "disk and memory. Name the folder of one checkpoint, or copy it here.",
    ),
    code(
        "E748",
        "store-ranges",
        "a server does not send the bytes that it is asked for",
        "Headers and weights are read by ranges of bytes. This server ignores ranges, sends "
        "others than it was asked for, or compresses what it sends. Nothing of it was used. Name "
        "a server that knows ranges, or copy the checkpoint here.",
    ),
    code(
        "E749",
        "hub-digest",
        "weights from a hub do not have the digest that it states",
        "Of each file of weights a hub states the SHA-256, and mergec takes that of the bytes that "
        "came. They differ, so a proxy, a mirror or a disk changed them on the way. What came was "
        "removed from the cache and nothing was published. Run again.",
        exit=10,
    ),
    code(
        "E750",
        "store-profile",
        "a profile in `~/.aws` gives no credentials",
        "`AWS_PROFILE`, or the default profile, says who asks Amazon S3, and boto3 reads it (the "
        "extra `aws`). There is no such profile, it has no keys, its sign-in is over, or boto3 is "
        "not installed. Keys in the environment go before profiles; a public bucket needs neither.",
    ),
)
