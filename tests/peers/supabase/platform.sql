-- What a hosted project's database holds before anybody's first migration, for a plain Postgres.
-- `project_owner` is what `postgres` is there: the owner of the schema, and no superuser.
do $$
declare
    made record;
begin
    for made in
        select * from (values
            ('anon', 'nologin noinherit'),
            ('authenticated', 'nologin noinherit'),
            ('service_role', 'nologin noinherit bypassrls'),
            ('supabase_auth_admin', 'nologin noinherit createrole'),
            ('supabase_storage_admin', 'nologin noinherit createrole'),
            ('project_owner', 'login createdb createrole bypassrls replication'),
            ('authenticator', 'nologin noinherit'),
            ('lite_login', 'login noinherit')
        ) as roles (name, abilities)
    loop
        if not exists (select from pg_catalog.pg_roles where rolname = made.name) then
            execute format('create role %I %s', made.name, made.abilities);
        end if;
    end loop;
end
$$;

grant anon, authenticated, service_role to project_owner with admin option;
-- Hosted, an extension lets the owner make policies on storage.objects; here membership does.
grant supabase_storage_admin, supabase_auth_admin to project_owner;
-- Hosted, REST connects as `authenticator` and becomes whom a token names.
grant anon, authenticated, service_role to authenticator;
grant authenticator to lite_login;

create schema extensions;
create schema auth authorization supabase_auth_admin;
create schema storage authorization supabase_storage_admin;
create schema supabase_migrations authorization project_owner;
grant usage on schema extensions, auth, storage to anon, authenticated, service_role, project_owner;
grant all on schema extensions to project_owner;
alter schema public owner to project_owner;
grant usage on schema public to anon, authenticated, service_role;
do $$
begin
    execute format('grant create on database %I to project_owner, lite_login', current_database());
end
$$;

-- Whatever the owner makes in public is everybody's until it is revoked.
alter default privileges for role project_owner in schema public
    grant all on tables to anon, authenticated, service_role;
alter default privileges for role project_owner in schema public
    grant all on sequences to anon, authenticated, service_role;
alter default privileges for role project_owner in schema public
    grant all on functions to anon, authenticated, service_role;

-- The server owns nothing in public: as an owner it would grant everything to the three roles, and undo
-- what the migrations revoke.
grant all on schema auth, storage, public, supabase_migrations to lite_login;
alter default privileges for role project_owner in schema public grant select on tables to lite_login;
alter default privileges for role project_owner in schema public grant select on sequences to lite_login;

create publication supabase_realtime;
alter publication supabase_realtime owner to project_owner;
