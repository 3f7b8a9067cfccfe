"""Reads: one GraphQL selection becomes one SQL statement, whose JSON goes to the client as it is.

What is stored is declared beside each GraphQL type (`mapping`); `model` binds the declarations to a schema. A
field that reads answers an `Ask` (`asking`); the executor (`execute`) hands it, with all that was selected
below it, to `compile`, and lets Postgres' own bytes pass. What can't be compiled is read the normal way
(`resolve`): row by row through GraphQL's own executor, equal in value, with one statement per level.

This room knows GraphQL and SQL, and no feature.
"""
