-- What a hosted Supabase project looks like to its owner `postgres`, who is no superuser there: here `owner`.
do $$
declare
    name text;
begin
    foreach name in array array['anon', 'authenticated', 'service_role'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = name) then
            execute format('create role %I nologin noinherit %s', name,
                           case when name = 'service_role' then 'bypassrls' else '' end);
        end if;
    end loop;
    if not exists (select from pg_catalog.pg_roles where rolname = 'platform') then
        create role platform nologin;
    end if;
    if not exists (select from pg_catalog.pg_roles where rolname = 'owner') then
        create role owner login createdb createrole bypassrls;
    end if;
end
$$;
grant anon, authenticated, service_role to owner with admin option;
do $$ begin execute format('grant create on database %I to owner', current_database()); end $$;
alter schema public owner to owner;
grant usage on schema public to anon, authenticated, service_role;
alter default privileges for role owner in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role owner in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges for role owner in schema public grant all on functions to anon, authenticated, service_role;

create schema extensions;
create schema auth authorization platform;
grant usage on schema auth, extensions to anon, authenticated, service_role, owner;
create function auth.uid() returns uuid language sql stable as $$
    select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
create function auth.role() returns text language sql stable as $$
    select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role' $$;
create function auth.email() returns text language sql stable as $$
    select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email' $$;
create function auth.jwt() returns jsonb language sql stable as $$
    select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
comment on function auth.uid() is 'the platform''s own';
