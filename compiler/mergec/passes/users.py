"""Who uses a node of a graph."""

from mergec.ir import Graph, Node, NodeKey


def only_user(graph: Graph, key: NodeKey) -> Node | None:
    """The node that alone uses `key`, and once; None if there are others or it is an output."""
    users = graph.users(key)
    if len(users) != 1 or key in graph.outputs.values():
        return None
    user = graph.node(users[0])
    return user if user.operands.count(key) == 1 else None
