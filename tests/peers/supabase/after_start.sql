-- After each start: the server makes auth.uid() and its like anew, so that they read one claim a setting.
-- As hosted Auth makes them, they read the claims in one setting as well.
create or replace function auth.uid() returns uuid language sql stable as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
$$;
create or replace function auth.role() returns text language sql stable as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.role', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
$$;
create or replace function auth.email() returns text language sql stable as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.email', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email')
$$;
create or replace function auth.jwt() returns jsonb language sql stable as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim', true), ''),
        nullif(current_setting('request.jwt.claims', true), ''))::jsonb
$$;

-- Its tables are its login's; hosted, the owner of the project reads accounts and the API roles use Storage.
grant lite_login to project_owner;
grant usage on schema auth, storage to anon, authenticated, service_role, project_owner;
grant all on all tables in schema storage, supabase_migrations
    to anon, authenticated, service_role, project_owner;
grant references, select on auth.users to project_owner;
