"""The GraphQL service: everything that talks to people, their workbooks or their browsers."""
