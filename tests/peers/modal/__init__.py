"""A counterpart of Modal's control plane on loopback: the real client deploys to it, spawns and cancels.

It speaks Modal's own gRPC protocol, whose stubs are in the package `modal`, and runs each container as a
process of Modal's own in-container runtime, in a folder that holds only what the deployment uploaded, with
only the secrets that the function declares. The protocol is private: this follows modal 1.6.

Not simulated: what images install (containers run the interpreter of the tests), limits of CPU and memory,
arguments and results over 2 MB, regions, volumes, web endpoints. A test says when a schedule is due, and when
a container is pre-empted.

- `plane.py`: what is known: apps, functions, secrets, calls, containers
- `rpc.py`: how a handler becomes a procedure of the protocol
- `deploying.py`, `calling.py`: what clients ask
- `images.py`: the files, variables and compiled modules of an image
- `containers.py`: scheduling, and what containers ask
- `peer.py`: the server; start here
- `hosted.py`: a shop whose runs go there
"""

from tests.peers.modal.peer import ModalPeer

__all__ = ["ModalPeer"]
