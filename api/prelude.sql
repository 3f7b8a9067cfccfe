-- What a Supabase project brings along and a plain Postgres lacks: only what is missing is made.

do $$
declare
    name text;
begin
    foreach name in array array['anon', 'authenticated', 'service_role'] loop
        if not exists (select from pg_catalog.pg_roles where rolname = name) then
            begin
                execute format('create role %I nologin noinherit %s', name,
                               case when name = 'service_role' then 'bypassrls' else '' end);
            exception when duplicate_object or unique_violation then
                -- Roles belong to the server: another database of it was prepared at the same moment.
                null;
            end;
        end if;
    end loop;
end
$$;

do $$
begin
    if to_regnamespace('auth') is null then
        create schema auth;
        grant usage on schema auth to anon, authenticated, service_role;
        grant usage on schema public to anon, authenticated, service_role;
        -- As on Supabase, so that a table or function that forgets to revoke is found out here as well.
        alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
        alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
        alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
    end if;
    if to_regnamespace('extensions') is null then
        create schema extensions;
        grant usage on schema extensions to anon, authenticated, service_role;
    end if;
end
$$;

-- The claims come in one setting, or in one setting each from older versions of PostgREST.
do $$
begin
    if to_regprocedure('auth.jwt()') is null then
        create function auth.jwt() returns jsonb language sql stable as $body$
            select coalesce(
                nullif(current_setting('request.jwt.claims', true), ''),
                nullif(current_setting('request.jwt.claim', true), ''))::jsonb
        $body$;
    end if;
    if to_regprocedure('auth.uid()') is null then
        create function auth.uid() returns uuid language sql stable as $body$
            select coalesce(
                nullif(current_setting('request.jwt.claim.sub', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
        $body$;
    end if;
    if to_regprocedure('auth.role()') is null then
        create function auth.role() returns text language sql stable as $body$
            select coalesce(
                nullif(current_setting('request.jwt.claim.role', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
        $body$;
    end if;
    if to_regprocedure('auth.email()') is null then
        create function auth.email() returns text language sql stable as $body$
            select coalesce(
                nullif(current_setting('request.jwt.claim.email', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email')
        $body$;
    end if;
end
$$;
