-- Hosted, PostgREST's login ends a statement after 8 seconds, and a large plan may take as long to be stored.
-- It takes a function's own setting instead.
alter function public.finish_run(uuid, uuid, jsonb) set statement_timeout = '60s';
