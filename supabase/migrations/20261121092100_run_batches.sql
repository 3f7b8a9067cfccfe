-- Batches: many replans that were asked for together, such as the what-ifs of a scenario.

alter table public.tenants
    add column open_what_ifs integer not null default 200 check (open_what_ifs between 1 and 1000);
comment on column public.tenants.open_what_ifs is 'Replans of batches that may be queued or running at the same time.';
comment on column public.tenants.open_replans is
    'Replans that may be queued or running at the same time; of those in batches, so many are handed over at once.';

create table public.run_batches (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    name text check (name = btrim(name) and name <> '' and char_length(name) <= 200),
    idempotency_key text check (idempotency_key <> '' and char_length(idempotency_key) <= 200),
    requested_by uuid not null default auth.uid(),
    requested_at timestamptz not null default now(),
    unique (tenant_id, id),
    unique (tenant_id, idempotency_key)
);
comment on table public.run_batches is 'Replans that were asked for together; how far they are is told by the runs themselves.';
create index run_batches_newest on public.run_batches (tenant_id, requested_at desc, id desc);

alter table public.plan_runs
    add column batch_id uuid,
    add column batch_place integer check (batch_place >= 0),
    add column what_if jsonb check (jsonb_typeof(what_if) = 'object'),
    add foreign key (tenant_id, batch_id) references public.run_batches (tenant_id, id),
    add check ((batch_id is null) = (batch_place is null)),
    add check (batch_id is null or kind = 'REPLAN'),
    add check (what_if is null or batch_id is not null);
comment on column public.plan_runs.batch_place is 'Place in its batch.';
comment on column public.plan_runs.what_if is 'What its problem changes against the scenario; the problem itself has it all.';
create unique index plan_runs_batch on public.plan_runs (tenant_id, batch_id, batch_place) where batch_id is not null;

alter table public.run_batches enable row level security;
alter table public.run_batches force row level security;
revoke all on public.run_batches from public, anon, authenticated;
grant select on public.run_batches to authenticated;
create policy run_batches_read on public.run_batches for select to authenticated
    using (tenant_id = (select public.current_tenant_id()));

-- Who follows a batch hears of each of its runs. An end leaves room for the next one that waits.
create or replace function internal.announce_run() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    perform pg_catalog.pg_notify('plan_runs', new.id::text);
    if new.batch_id is not null then
        perform pg_catalog.pg_notify('plan_runs', new.batch_id::text);
        if new.finished_at is not null then
            perform pg_catalog.pg_notify('plan_runs', 'room');
        end if;
    end if;
    return null;
end
$$;

-- ------------------------------------------------------------------ asked by users

create function public.create_batch(
    p_name text, p_runs jsonb, p_problems jsonb[], p_idempotency_key text default null
) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := public.current_tenant_id();
    v_most integer;
    v_open integer;
    v_batch uuid;
begin
    if not public.has_tenant_role('planner') then
        raise exception 'Only planners and admins may start a run.' using errcode = '42501';
    end if;
    -- One at a time per tenant: two requests at the same moment would each count without the other.
    select open_what_ifs into v_most from public.tenants where id = v_tenant for no key update;
    select id into v_batch from public.run_batches
    where tenant_id = v_tenant and idempotency_key = p_idempotency_key;
    if found then
        return v_batch;
    end if;
    if jsonb_array_length(p_runs) is distinct from cardinality(p_problems) or cardinality(p_problems) = 0 then
        raise exception 'A batch has a problem for each of its runs, one or more.' using errcode = '22023';
    end if;
    select count(*) into v_open from public.plan_runs
    where tenant_id = v_tenant and batch_id is not null and status in ('QUEUED', 'RUNNING');
    if v_open + cardinality(p_problems) > v_most then
        raise exception 'The batch asks for % replans; of batches, % are queued or running, and % may be.',
            cardinality(p_problems), v_open, v_most using errcode = 'PT429';
    end if;
    insert into public.run_batches (tenant_id, name, idempotency_key)
    values (v_tenant, btrim(p_name), p_idempotency_key) returning id into v_batch;
    with asked as (
        select r.nr - 1 as place, r.scenario_id, r.asof_date, r.what_if, p_problems[r.nr] as problem
        from rows from (jsonb_to_recordset(p_runs) as (
            scenario_id uuid, asof_date date, what_if jsonb)) with ordinality as r (
            scenario_id, asof_date, what_if, nr)
    ),
    queued as (
        insert into public.plan_runs
            (tenant_id, kind, problem, scenario_id, asof_date, batch_id, batch_place, what_if)
        select v_tenant, 'REPLAN', problem, scenario_id, asof_date, v_batch, place, what_if
        from asked order by place
        returning id
    )
    insert into public.plan_run_leases (run_id, tenant_id) select id, v_tenant from queued;
    return v_batch;
end
$$;
comment on function public.create_batch(text, jsonb, jsonb[], text) is
    'Queues replans for the current tenant as one batch and gives its id; the same idempotency key gives the same '
    'batch. p_runs is [{scenario_id, asof_date, what_if}], p_problems their problems. Refused (PT429) where more '
    'would be open than the tenant may have.';

create function public.cancel_batch(p_batch_id uuid, p_keep_best boolean default false) returns uuid[]
language plpgsql security definer set search_path = ''
as $$
declare
    v_run uuid;
    v_cancelled uuid[] := '{}';
begin
    if not exists (
        select from public.run_batches where id = p_batch_id and tenant_id = public.current_tenant_id()) then
        raise exception 'There is no batch %.', p_batch_id using errcode = 'PT404';
    end if;
    for v_run in
        select id from public.plan_runs
        where tenant_id = public.current_tenant_id() and batch_id = p_batch_id and status in ('QUEUED', 'RUNNING')
        order by id
    loop
        if public.cancel_run(v_run, p_keep_best) ->> 'status' = 'CANCELLED' then
            v_cancelled := v_cancelled || v_run;
        end if;
    end loop;
    return v_cancelled;
end
$$;
comment on function public.cancel_batch(uuid, boolean) is
    'Ends all runs of a batch as cancel_run does each, and gives those that are cancelled.';

-- A Monday is planned however many what-ifs wait.
create or replace function public.create_replan(
    p_scenario_id uuid, p_asof_date date, p_problem jsonb, p_idempotency_key text default null
) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := public.current_tenant_id();
    v_most integer;
    v_run uuid;
begin
    if not public.has_tenant_role('planner') then
        raise exception 'Only planners and admins may start a run.' using errcode = '42501';
    end if;
    -- One at a time per tenant: two requests at the same moment would each count without the other.
    select open_replans into v_most from public.tenants where id = v_tenant for no key update;
    select id into v_run from public.plan_runs
    where tenant_id = v_tenant and idempotency_key = p_idempotency_key;
    if found then
        return v_run;
    end if;
    if not exists (select from public.scenarios where tenant_id = v_tenant and id = p_scenario_id) then
        raise exception 'There is no scenario %.', p_scenario_id using errcode = 'PT404';
    end if;
    if (select count(*) from public.plan_runs
        where tenant_id = v_tenant and kind = 'REPLAN' and batch_id is null
          and status in ('QUEUED', 'RUNNING')) >= v_most then
        raise exception 'Already % replans are queued or running.', v_most using errcode = 'PT429';
    end if;
    insert into public.plan_runs (tenant_id, kind, problem, scenario_id, asof_date, idempotency_key)
    values (v_tenant, 'REPLAN', p_problem, p_scenario_id, p_asof_date, p_idempotency_key)
    returning id into v_run;
    insert into public.plan_run_leases (run_id, tenant_id) values (v_run, v_tenant);
    return v_run;
end
$$;

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'public.create_batch(text, jsonb, jsonb[], text)', 'public.cancel_batch(uuid, boolean)']
    loop
        execute format('revoke all on function %s from public, anon, service_role', signature);
        execute format('grant execute on function %s to authenticated', signature);
    end loop;
end
$$;

-- ------------------------------------------------------------------ asked by the dispatcher

-- What-ifs come after all else, and of each tenant no more at once than it may have: the rest waits here, where
-- it keeps nobody's Monday from a worker.
create or replace function public.queued_runs()
returns table (run_id uuid, kind text, call_id text, dispatched_at timestamptz, requested_at timestamptz)
language sql stable security definer set search_path = ''
as $$
    with open as (
        select r.id, r.kind, r.tenant_id, r.status, r.requested_at, r.batch_place, l.call_id, l.dispatched_at,
               r.batch_id is not null as is_what_if,
               r.status = 'RUNNING' or l.call_id is not null as is_handed_over
        from public.plan_runs as r
        join public.plan_run_leases as l on l.run_id = r.id
        where r.status in ('QUEUED', 'RUNNING')
    ),
    placed as (
        select o.*,
               count(*) filter (where o.is_handed_over) over (partition by o.tenant_id, o.is_what_if)
               + row_number() over (
                   partition by o.tenant_id, o.is_what_if, o.is_handed_over
                   order by o.requested_at, o.batch_place, o.id) as would_be
        from open as o
    )
    select p.id, p.kind, p.call_id, p.dispatched_at, p.requested_at
    from placed as p
    join public.tenants as t on t.id = p.tenant_id
    where p.status = 'QUEUED' and (not p.is_what_if or p.is_handed_over or p.would_be <= t.open_replans)
    order by p.is_what_if, p.requested_at, p.batch_place, p.id
$$;
