"""Plants' Excel files: recognised, read, checked, reported, stored.

Reading is pure: bytes go in, typed content and messages come out, and it runs in a child process.
What the plant already knows comes in only when content is compared with it (`changes`) and stored (`store`).
This room must not know GraphQL's executor, the forecast, or who is signed in: row-level security decides.
"""
