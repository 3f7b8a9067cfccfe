"""Who belongs to a tenant: members, invitations, and keys for machines."""
