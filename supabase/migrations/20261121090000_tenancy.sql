-- Tenants, their members and roles; who may log in; what every row-level policy asks.

-- Two logins, each with as little as it needs. Both get their password from the administrator (alter role).
do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'pourplan_api') then
        create role pourplan_api login noinherit;
    end if;
    if not exists (select from pg_catalog.pg_roles where rolname = 'pourplan_jobs') then
        create role pourplan_jobs login noinherit;
    end if;
end
$$;

-- The service has no rights of its own: a forgotten "set role" shows nothing instead of everything.
grant authenticated to pourplan_api;
grant usage on schema public to authenticated, pourplan_api, pourplan_jobs;

-- What users must not call, whichever door they come through.
create schema internal;
revoke all on schema internal from public;

create table public.tenants (
    id uuid primary key default gen_random_uuid(),
    slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,31}$'),
    name text not null check (name <> '' and char_length(name) <= 100),
    heat_tons numeric(8, 2) not null default 100 check (heat_tons > 0),
    time_zone text not null default 'UTC' check (time_zone <> ''),
    created_at timestamptz not null default now()
);
comment on table public.tenants is 'A plant, or a group of plants, that plans for itself.';
comment on column public.tenants.heat_tons is 'Average tons of a heat, in the unit of the plant''s workbooks.';
comment on column public.tenants.time_zone is 'IANA name of the time zone in which the plant''s days begin.';

create table public.tenant_members (
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    user_id uuid not null,
    role text not null check (role in ('viewer', 'operator', 'planner', 'admin')),
    created_at timestamptz not null default now(),
    primary key (tenant_id, user_id)
);
comment on table public.tenant_members is 'Who belongs to a tenant, and what they may do there.';
create index tenant_members_user_id on public.tenant_members (user_id);

-- The tenant that the request chose, if the user is its member; without a choice, the user's only one.
-- Security definer with an owner that bypasses row-level security: a policy on the members table that
-- asks the members table would recurse.
create function public.current_tenant_id() returns uuid
language sql stable security definer set search_path = ''
as $$
    with chosen as (
        select coalesce(
            nullif(current_setting('pourplan.tenant', true), ''),
            nullif(current_setting('request.headers', true), '')::json ->> 'x-pourplan-tenant'
        ) as name
    ),
    mine as (
        select t.id
        from public.tenant_members as m
        join public.tenants as t on t.id = m.tenant_id
        cross join chosen
        where m.user_id = auth.uid()
          and (chosen.name is null or chosen.name in (t.id::text, t.slug))
    )
    select case when count(*) = 1 then (array_agg(id))[1] end from mine
$$;
comment on function public.current_tenant_id() is
    'The tenant of this request: the chosen one, else the user''s only one; null where there is none.';

create function public.current_tenant_role() returns text
language sql stable security definer set search_path = ''
as $$
    select role from public.tenant_members
    where tenant_id = public.current_tenant_id() and user_id = auth.uid()
$$;

create function public.has_tenant_role(minimum text) returns boolean
language sql stable security definer set search_path = ''
as $$
    select coalesce(
        array_position(array['viewer', 'operator', 'planner', 'admin'], public.current_tenant_role())
            >= array_position(array['viewer', 'operator', 'planner', 'admin'], minimum),
        false)
$$;
comment on function public.has_tenant_role(text) is
    'Whether the user''s role in the current tenant is this one or a stronger one.';

revoke all on function public.current_tenant_id() from public, anon, service_role;
revoke all on function public.current_tenant_role() from public, anon, service_role;
revoke all on function public.has_tenant_role(text) from public, anon, service_role;
grant execute on function public.current_tenant_id() to authenticated;
grant execute on function public.current_tenant_role() to authenticated;
grant execute on function public.has_tenant_role(text) to authenticated;

alter table public.tenants enable row level security;
alter table public.tenants force row level security;
alter table public.tenant_members enable row level security;
alter table public.tenant_members force row level security;
revoke all on public.tenants, public.tenant_members from public, anon, authenticated;
grant select on public.tenants, public.tenant_members to authenticated;
grant update (name, heat_tons, time_zone) on public.tenants to authenticated;

create policy tenants_read on public.tenants for select to authenticated
    using (id in (select tenant_id from public.tenant_members where user_id = (select auth.uid())));
create policy tenants_change on public.tenants for update to authenticated
    using (id = (select public.current_tenant_id()) and (select public.has_tenant_role('admin')))
    with check (id = (select public.current_tenant_id()) and (select public.has_tenant_role('admin')));
create policy tenant_members_read on public.tenant_members for select to authenticated
    using (user_id = (select auth.uid()) or tenant_id = (select public.current_tenant_id()));
