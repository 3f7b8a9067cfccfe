"""What stands between a socket and an operation of the schema.

Who may knock (hosts), how much they may send (body), what a document may ask for (limits), which answer they
understand (negotiation), what they are told when it goes wrong (errors), and what the operator sees of it
(tracing, metrics, health). It must not know any feature, nor what the schema holds.
"""
