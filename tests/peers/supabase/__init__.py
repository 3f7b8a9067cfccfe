"""A Supabase project on loopback: npm's `@supabase/lite`, Supabase's own light server, on a real Postgres.

REST and Auth are the wire that hosted Supabase speaks, read by the real Python client; Storage is
experimental there. It issues HS256 tokens alone, has no `auth.admin`, no signed URLs and no realtime, its
tokens carry no `app_metadata`, and SQL sees nothing of a request's headers.
"""

from tests.peers.supabase.project import SupabaseProject, supabase_project

__all__ = ["SupabaseProject", "supabase_project"]
