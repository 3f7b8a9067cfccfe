-- Runs: one row a job, its life, and the functions that alone may write it.

create table public.plan_runs (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    kind text not null check (kind in ('FORECAST', 'REPLAN', 'ALLOCATION')),
    status text not null default 'QUEUED'
        check (status in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    attempt integer not null default 0 check (attempt >= 0),
    month date check (extract(day from month) = 1),
    problem jsonb not null,
    warnings text[] not null default '{}',
    error jsonb,
    phase text,
    percent double precision check (percent between 0 and 100),
    best_objective double precision,
    best_bound double precision,
    stop_requested boolean not null default false,
    idempotency_key text check (idempotency_key <> '' and char_length(idempotency_key) <= 200),
    requested_by uuid not null default auth.uid(),
    requested_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    unique (tenant_id, id),
    unique (tenant_id, idempotency_key),
    check ((kind = 'FORECAST') = (month is not null)),
    check ((status = 'FAILED') = (error is not null)),
    check ((status in ('SUCCEEDED', 'FAILED', 'CANCELLED')) = (finished_at is not null))
);
comment on table public.plan_runs is 'Every job that was asked for: its problem, frozen, and how it went.';
comment on column public.plan_runs.attempt is 'Successful claims by a worker.';
comment on column public.plan_runs.problem is 'All that the job was given: a run can be repeated whatever became of the orders.';
comment on column public.plan_runs.error is '{code, message, hint, details}: why the run failed, in a planner''s words.';
comment on column public.plan_runs.stop_requested is 'The planner asked to end it with the best plan so far.';
create index plan_runs_newest on public.plan_runs (tenant_id, requested_at desc, id);
create index plan_runs_forecast on public.plan_runs (tenant_id, month, finished_at desc)
    where kind = 'FORECAST' and status = 'SUCCEEDED';
create index plan_runs_open on public.plan_runs (requested_at) where status in ('QUEUED', 'RUNNING');

-- Who works on a run is nobody's business but the jobs': a token that leaks could write a plan.
create table public.plan_run_leases (
    run_id uuid primary key,
    tenant_id uuid not null,
    call_id text,
    dispatched_at timestamptz,
    lease_token uuid,
    lease_expires_at timestamptz,
    foreign key (tenant_id, run_id) references public.plan_runs (tenant_id, id) on delete cascade
);
comment on table public.plan_run_leases is 'Who works on a run, and until when that is believed.';
comment on column public.plan_run_leases.call_id is
    'The worker process or the Modal call that a queued run was handed to, then the one that claimed it.';
create index plan_run_leases_run on public.plan_run_leases (tenant_id, run_id);

alter table public.plan_runs enable row level security;
alter table public.plan_runs force row level security;
alter table public.plan_run_leases enable row level security;
alter table public.plan_run_leases force row level security;
revoke all on public.plan_runs, public.plan_run_leases from public, anon, authenticated;
grant select on public.plan_runs to authenticated;
create policy plan_runs_read on public.plan_runs for select to authenticated
    using (tenant_id = (select public.current_tenant_id()));

create function internal.announce_run() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    perform pg_catalog.pg_notify('plan_runs', new.id::text);
    return null;
end
$$;
create trigger plan_runs_announce after insert or update on public.plan_runs
    for each row execute function internal.announce_run();

-- ------------------------------------------------------------------ asked by users

create function public.create_run(
    p_kind text, p_problem jsonb, p_month date default null, p_idempotency_key text default null
) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := public.current_tenant_id();
    v_run uuid;
begin
    if not public.has_tenant_role('planner') then
        raise exception 'Only planners and admins may start a run.' using errcode = '42501';
    end if;
    insert into public.plan_runs (tenant_id, kind, problem, month, idempotency_key)
    values (v_tenant, p_kind, p_problem, p_month, p_idempotency_key)
    on conflict (tenant_id, idempotency_key) do nothing
    returning id into v_run;
    if v_run is null then
        select id into v_run from public.plan_runs
        where tenant_id = v_tenant and idempotency_key = p_idempotency_key;
        return v_run;
    end if;
    insert into public.plan_run_leases (run_id, tenant_id) values (v_run, v_tenant);
    return v_run;
end
$$;
comment on function public.create_run(text, jsonb, date, text) is
    'Queues a run for the current tenant and gives its id; the same idempotency key gives the same run.';

create function public.cancel_run(p_run_id uuid, p_keep_best boolean default false) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    v_run public.plan_runs;
begin
    if not public.has_tenant_role('planner') then
        raise exception 'Only planners and admins may cancel a run.' using errcode = '42501';
    end if;
    select * into v_run from public.plan_runs
    where id = p_run_id and tenant_id = public.current_tenant_id() for update;
    if not found then
        raise exception 'There is no run %.', p_run_id using errcode = 'PT404';
    end if;
    if v_run.status not in ('QUEUED', 'RUNNING') then
        return jsonb_build_object('status', v_run.status, 'changed', false);
    end if;
    if p_keep_best and v_run.status = 'RUNNING' then
        update public.plan_runs set stop_requested = true where id = p_run_id;
        return jsonb_build_object('status', v_run.status, 'changed', not v_run.stop_requested);
    end if;
    update public.plan_runs set status = 'CANCELLED', finished_at = now() where id = p_run_id;
    return jsonb_build_object('status', 'CANCELLED', 'changed', true);
end
$$;
comment on function public.cancel_run(uuid, boolean) is
    'Ends a run at once, or (keep_best) asks a running one to finish with its best plan so far.';

-- ------------------------------------------------------------------ asked by jobs

create function internal.fail(p_run_id uuid, p_code text, p_message text, p_hint text, p_details text[]) returns void
language sql security definer set search_path = ''
as $$
    update public.plan_runs
    set status = 'FAILED', finished_at = now(),
        error = jsonb_build_object('code', p_code, 'message', p_message, 'hint', p_hint,
                                   'details', to_jsonb(coalesce(p_details, '{}')))
    where id = p_run_id
$$;

create function internal.fail_lost(p_run_id uuid, p_attempt integer) returns void
language sql security definer set search_path = ''
as $$
    select internal.fail(
        p_run_id, 'WORKER_LOST',
        format('The job was started %s times, and each time its worker ended without an answer.', p_attempt),
        'Most often the machine ran out of memory. Look into the worker''s log, then start the run again.', '{}')
$$;

create function public.claim_run(
    p_run_id uuid, p_lease_seconds integer default 60, p_max_attempts integer default 3,
    p_call_id text default null
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    v_run public.plan_runs;
    v_lease public.plan_run_leases;
    v_token uuid := gen_random_uuid();
begin
    select * into v_run from public.plan_runs where id = p_run_id for update;
    if not found then
        raise exception 'There is no run %.', p_run_id using errcode = 'PT404';
    end if;
    select * into v_lease from public.plan_run_leases where run_id = p_run_id for update;
    -- A call that claims what it holds already was interrupted and started again by whoever runs it.
    if v_run.status not in ('QUEUED', 'RUNNING')
        or (v_run.status = 'RUNNING' and v_lease.lease_expires_at > clock_timestamp()
            and (v_lease.call_id = p_call_id) is not true) then
        return null;
    end if;
    if v_run.attempt >= p_max_attempts then
        perform internal.fail_lost(p_run_id, v_run.attempt);
        return null;
    end if;
    update public.plan_run_leases
    set call_id = p_call_id, lease_token = v_token,
        lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
    where run_id = p_run_id;
    update public.plan_runs
    set status = 'RUNNING', attempt = attempt + 1, started_at = now(),
        phase = 'starting', percent = 0, best_objective = null, best_bound = null
    where id = p_run_id;
    return jsonb_build_object('kind', v_run.kind, 'problem', v_run.problem,
                              'lease_token', v_token, 'attempt', v_run.attempt + 1);
end
$$;
comment on function public.claim_run(uuid, integer, integer, text) is
    'QUEUED, or RUNNING with an expired lease, becomes RUNNING: gives {kind, problem, lease_token, attempt}, '
    'or null where there is nothing to do. The call is noted as the one that holds the run.';

create function internal.hold_lease(p_run_id uuid, p_lease_token uuid) returns public.plan_runs
language plpgsql security definer set search_path = ''
as $$
declare
    v_run public.plan_runs;
begin
    select * into v_run from public.plan_runs where id = p_run_id for update;
    if not found then
        raise exception 'There is no run %.', p_run_id using errcode = 'PT404';
    end if;
    if not exists (select from public.plan_run_leases
                   where run_id = p_run_id and lease_token = p_lease_token) then
        raise exception 'The lease on run % is not yours any more.', p_run_id using errcode = 'PT409';
    end if;
    return v_run;
end
$$;
comment on function internal.hold_lease(uuid, uuid) is
    'Locks the run for the holder of its lease; a worker that was given up is refused.';

create function public.progress_run(
    p_run_id uuid, p_lease_token uuid, p_phase text, p_percent double precision,
    p_best_objective double precision default null, p_best_bound double precision default null,
    p_lease_seconds integer default 60
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    v_run public.plan_runs := internal.hold_lease(p_run_id, p_lease_token);
begin
    if v_run.status = 'CANCELLED' then
        return jsonb_build_object('stop', 'CANCEL');
    end if;
    if v_run.status <> 'RUNNING' then
        raise exception 'Run % is % and takes no progress.', p_run_id, v_run.status using errcode = 'PT409';
    end if;
    update public.plan_run_leases
    set lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
    where run_id = p_run_id;
    -- An unchanged heartbeat wakes no subscriber.
    update public.plan_runs
    set phase = p_phase, percent = p_percent, best_objective = p_best_objective, best_bound = p_best_bound
    where id = p_run_id
      and (phase, percent, best_objective, best_bound)
          is distinct from (p_phase, p_percent, p_best_objective, p_best_bound);
    return jsonb_build_object('stop', case when v_run.stop_requested then 'KEEP_BEST' end);
end
$$;
comment on function public.progress_run(uuid, uuid, text, double precision, double precision, double precision, integer) is
    'Renews the lease and tells how far the job is; answers {stop: null, "CANCEL" or "KEEP_BEST"}.';

create function public.finish_run(p_run_id uuid, p_lease_token uuid, p_result jsonb) returns void
language plpgsql security definer set search_path = ''
as $$
declare
    v_run public.plan_runs := internal.hold_lease(p_run_id, p_lease_token);
begin
    -- The answer to a first call may have been lost on its way; saying it again is harmless.
    if v_run.status = 'SUCCEEDED' then
        return;
    end if;
    if v_run.status <> 'RUNNING' then
        raise exception 'Run % is % and takes no result.', p_run_id, v_run.status using errcode = 'PT409';
    end if;
    execute format('select internal.store_%s_result($1, $2)', lower(v_run.kind)) using v_run, p_result;
    update public.plan_runs
    set status = 'SUCCEEDED', finished_at = now(), phase = 'done', percent = 100,
        warnings = array(select jsonb_array_elements_text(coalesce(p_result -> 'warnings', '[]')))
    where id = p_run_id;
end
$$;
comment on function public.finish_run(uuid, uuid, jsonb) is
    'Stores all rows of a verified result and ends the run, in one transaction.';

create function public.fail_run(
    p_run_id uuid, p_lease_token uuid, p_code text, p_message text,
    p_hint text default null, p_details text[] default '{}'
) returns void
language plpgsql security definer set search_path = ''
as $$
declare
    v_run public.plan_runs := internal.hold_lease(p_run_id, p_lease_token);
begin
    if v_run.status in ('FAILED', 'CANCELLED') then
        return;
    end if;
    if v_run.status <> 'RUNNING' then
        raise exception 'Run % is % and cannot fail.', p_run_id, v_run.status using errcode = 'PT409';
    end if;
    perform internal.fail(p_run_id, p_code, p_message, p_hint, p_details);
end
$$;
comment on function public.fail_run(uuid, uuid, text, text, text, text[]) is
    'Ends the run with a code, a sentence that a planner understands and a hint.';

-- ------------------------------------------------------------------ asked by the dispatcher

create function public.queued_runs()
returns table (run_id uuid, kind text, call_id text, dispatched_at timestamptz, requested_at timestamptz)
language sql stable security definer set search_path = ''
as $$
    select r.id, r.kind, l.call_id, l.dispatched_at, r.requested_at
    from public.plan_runs as r
    join public.plan_run_leases as l on l.run_id = r.id
    where r.status = 'QUEUED'
    order by r.requested_at, r.id
$$;
comment on function public.queued_runs() is 'Runs that wait, oldest first, with the call that each was handed to.';

create function public.record_dispatch(p_run_id uuid, p_call_id text) returns void
language plpgsql security definer set search_path = ''
as $$
begin
    -- Once claimed, the call that holds the run stands there; the lock keeps a claim from slipping in between.
    perform from public.plan_runs where id = p_run_id and status = 'QUEUED' for update;
    if found then
        update public.plan_run_leases set call_id = p_call_id, dispatched_at = clock_timestamp()
        where run_id = p_run_id;
    end if;
end
$$;
comment on function public.record_dispatch(uuid, text) is 'Notes the call that a queued run was handed to.';

create function public.run_call(p_run_id uuid) returns text
language sql stable security definer set search_path = ''
as $$
    select call_id from public.plan_run_leases where run_id = p_run_id
$$;

create function public.reap_runs(p_max_attempts integer default 3, p_ended_calls text[] default '{}')
returns table (run_id uuid, status text, call_id text)
language plpgsql security definer set search_path = ''
as $$
declare
    v_lost record;
begin
    for v_lost in
        select r.id, r.attempt, l.call_id
        from public.plan_runs as r
        join public.plan_run_leases as l on l.run_id = r.id
        where r.status = 'RUNNING'
          and (l.lease_expires_at <= clock_timestamp() or l.call_id = any(p_ended_calls))
        -- Both rows: a lease that is renewed at this moment is looked at again. A run that is locked is being
        -- written by its worker.
        for update of r, l skip locked
    loop
        if v_lost.attempt >= p_max_attempts then
            perform internal.fail_lost(v_lost.id, v_lost.attempt);
            run_id := v_lost.id; status := 'FAILED';
        else
            update public.plan_run_leases as l
            set call_id = null, lease_token = null, lease_expires_at = null where l.run_id = v_lost.id;
            update public.plan_runs as r
            set status = 'QUEUED', phase = null, percent = null, best_objective = null, best_bound = null
            where r.id = v_lost.id;
            run_id := v_lost.id; status := 'QUEUED';
        end if;
        call_id := v_lost.call_id;
        return next;
    end loop;
end
$$;
comment on function public.reap_runs(integer, text[]) is
    'Queues runs again whose worker was lost: its lease expired, or its call is known to have ended. After the '
    'last attempt they fail with the reason. Gives each with the call that held it.';

create function public.run_statistics()
returns table (kind text, status text, runs bigint, oldest_seconds double precision)
language sql stable security definer set search_path = ''
as $$
    select kind, status, count(*), extract(epoch from now() - min(requested_at))::double precision
    from public.plan_runs group by kind, status
$$;
comment on function public.run_statistics() is 'Runs by kind and status over all tenants, for /metrics.';

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'public.create_run(text, jsonb, date, text)', 'public.cancel_run(uuid, boolean)']
    loop
        execute format('revoke all on function %s from public, anon, service_role', signature);
        execute format('grant execute on function %s to authenticated', signature);
    end loop;
    foreach signature in array array[
        'public.claim_run(uuid, integer, integer, text)',
        'public.progress_run(uuid, uuid, text, double precision, double precision, double precision, integer)',
        'public.finish_run(uuid, uuid, jsonb)',
        'public.fail_run(uuid, uuid, text, text, text, text[])',
        'public.queued_runs()', 'public.record_dispatch(uuid, text)', 'public.run_call(uuid)',
        'public.reap_runs(integer, text[])', 'public.run_statistics()']
    loop
        execute format('revoke all on function %s from public, anon, authenticated', signature);
        execute format('grant execute on function %s to service_role, pourplan_jobs', signature);
    end loop;
end
$$;
