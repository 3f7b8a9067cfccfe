-- Mondays: scenarios that are replanned when it is Monday morning in their tenant's time zone.

-- Who looks after Mondays knows two facts: the switch of a scenario, and the wish of one of its Mondays. A wish is
-- recorded once, by whoever looks first, and stays until a run stands for it: so nothing is planned twice, and
-- nothing is lost while the service is away.
create table public.monday_replans (
    scenario_id uuid primary key,
    tenant_id uuid not null,
    hour integer not null check (hour between 0 and 23),
    time_limit_seconds integer not null default 60 check (time_limit_seconds between 1 and 900),
    asked_by uuid not null,
    asked_at timestamptz not null,
    unique (tenant_id, scenario_id),
    foreign key (tenant_id, scenario_id) references public.scenarios (tenant_id, id) on delete cascade
);
comment on table public.monday_replans is 'Scenarios that are replanned on Mondays.';
comment on column public.monday_replans.hour is 'Hour of the day in the tenant''s time zone.';
comment on column public.monday_replans.asked_at is 'Mondays that were due before this moment are not made up for.';

create table public.monday_wishes (
    scenario_id uuid not null,
    tenant_id uuid not null,
    monday date not null check (extract(isodow from monday) = 1),
    time_zone text not null,
    due_at timestamptz not null,
    attempts integer not null default 0,
    taken_until timestamptz,
    run_id uuid,
    primary key (tenant_id, scenario_id, monday),
    foreign key (tenant_id, scenario_id) references public.monday_replans (tenant_id, scenario_id) on delete cascade,
    foreign key (tenant_id, run_id) references public.plan_runs (tenant_id, id) on delete cascade
);
comment on table public.monday_wishes is 'Mondays on which a scenario was to be replanned, and the run that stands for each.';
comment on column public.monday_wishes.time_zone is 'The one by which it was Monday: the tenant''s, or UTC where that is unknown.';
comment on column public.monday_wishes.attempts is 'How often a service took it up; one that died in the middle counts.';
comment on column public.monday_wishes.taken_until is 'A service is at it, and is believed until then.';
create index monday_wishes_run on public.monday_wishes (tenant_id, run_id);
create index monday_wishes_open on public.monday_wishes (due_at) where run_id is null;

alter table public.monday_replans enable row level security;
alter table public.monday_replans force row level security;
alter table public.monday_wishes enable row level security;
alter table public.monday_wishes force row level security;
revoke all on public.monday_replans, public.monday_wishes from public, anon, authenticated;
grant select on public.monday_replans, public.monday_wishes to authenticated;
create policy monday_replans_read on public.monday_replans for select to authenticated
    using (tenant_id = (select public.current_tenant_id()));
create policy monday_wishes_read on public.monday_wishes for select to authenticated
    using (tenant_id = (select public.current_tenant_id()));

-- ------------------------------------------------------------------ when it is Monday

create function public.known_time_zone(p_name text) returns text
language plpgsql stable security definer set search_path = ''
as $$
begin
    perform now() at time zone p_name;
    return p_name;
exception when invalid_parameter_value then
    -- One tenant's typing error must not keep all others from their Mondays.
    return 'UTC';
end
$$;
comment on function public.known_time_zone(text) is 'The time zone of this name, or UTC where there is none.';

-- The moment of an hour on the Monday of the week in which a moment lies, in a time zone. An hour that the clocks
-- skip is the one after it; of an hour that comes twice, it is one of them.
create function public.monday_at(p_moment timestamptz, p_hour integer, p_time_zone text) returns timestamptz
language sql stable security definer set search_path = ''
as $$
    select (date_trunc('week', p_moment at time zone p_time_zone) + make_interval(hours => p_hour))
        at time zone p_time_zone
$$;
comment on function public.monday_at(timestamptz, integer, text) is
    'When it is this hour on the Monday of the week of a moment, in a time zone.';

create function public.next_monday_at(p_hour integer, p_time_zone text, p_now timestamptz default now())
returns timestamptz
language sql stable security definer set search_path = ''
as $$
    select min(at)
    from (
        select public.monday_at(
            p_now + make_interval(days => 7 * weeks), p_hour, public.known_time_zone(p_time_zone)) as at
        from generate_series(0, 1) as weeks
    ) as mondays
    where at > p_now
$$;
comment on function public.next_monday_at(integer, text, timestamptz) is
    'When it is next this hour on a Monday in a time zone.';

-- ------------------------------------------------------------------ asked by users

create function public.set_monday_replan(p_scenario_id uuid, p_hour integer, p_time_limit_seconds integer default 60)
returns void
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := public.current_tenant_id();
begin
    if not public.has_tenant_role('planner') then
        raise exception 'Only planners and admins may choose what is replanned on Mondays.' using errcode = '42501';
    end if;
    if not exists (select from public.scenarios where tenant_id = v_tenant and id = p_scenario_id) then
        raise exception 'There is no scenario %.', p_scenario_id using errcode = 'PT404';
    end if;
    if p_hour is null then
        delete from public.monday_replans where tenant_id = v_tenant and scenario_id = p_scenario_id;
        return;
    end if;
    -- Another hour is no new beginning: brought forward on a Monday morning, it is due at once.
    insert into public.monday_replans (scenario_id, tenant_id, hour, time_limit_seconds, asked_by, asked_at)
    values (p_scenario_id, v_tenant, p_hour, p_time_limit_seconds, auth.uid(), now())
    on conflict (scenario_id) do update
    set hour = excluded.hour, time_limit_seconds = excluded.time_limit_seconds, asked_by = excluded.asked_by;
end
$$;
comment on function public.set_monday_replan(uuid, integer, integer) is
    'Has a scenario of the current tenant replanned on Mondays at an hour of the day; null: no more.';

do $$
declare
    signature text;
begin
    execute 'revoke all on function public.set_monday_replan(uuid, integer, integer) from public, anon, service_role';
    execute 'grant execute on function public.set_monday_replan(uuid, integer, integer) to authenticated';
    foreach signature in array array[
        'public.known_time_zone(text)', 'public.monday_at(timestamptz, integer, text)',
        'public.next_monday_at(integer, text, timestamptz)']
    loop
        execute format('revoke all on function %s from public, anon, service_role', signature);
        execute format('grant execute on function %s to authenticated', signature);
    end loop;
end
$$;

-- ------------------------------------------------------------------ asked by those who keep house

create function public.wish_mondays(p_now timestamptz default now()) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
    v_wishes integer;
begin
    with zoned as (
        select m.scenario_id, m.tenant_id, m.hour, m.asked_at, public.known_time_zone(t.time_zone) as time_zone
        from public.monday_replans as m
        join public.tenants as t on t.id = m.tenant_id
    ),
    due as (
        select z.*, public.monday_at(p_now, z.hour, z.time_zone) as due_at from zoned as z
    )
    insert into public.monday_wishes (scenario_id, tenant_id, monday, time_zone, due_at)
    select d.scenario_id, d.tenant_id, (d.due_at at time zone d.time_zone)::date, d.time_zone, d.due_at
    from due as d
    -- Made up for until the week is over; what was due before somebody asked was not wished for.
    where d.due_at <= p_now and d.due_at >= d.asked_at
    on conflict (tenant_id, scenario_id, monday) do nothing;
    get diagnostics v_wishes = row_count;
    if v_wishes > 0 then
        -- Whoever was away for weeks plans the week that has come; what was planned last is carried on to it.
        delete from public.monday_wishes as w
        where w.run_id is null and exists (
            select from public.monday_wishes as later
            where later.tenant_id = w.tenant_id and later.scenario_id = w.scenario_id and later.monday > w.monday);
        perform pg_catalog.pg_notify('plan_runs', 'mondays');
    end if;
    return v_wishes;
end
$$;
comment on function public.wish_mondays(timestamptz) is
    'Records a wish for each scenario whose Monday morning has come, once; tells how many are new.';

create function public.take_monday(p_now timestamptz default now(), p_seconds integer default 300) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    v_wish public.monday_wishes;
begin
    select * into v_wish from public.monday_wishes
    where run_id is null and (taken_until is null or taken_until <= p_now)
    order by attempts, due_at, scenario_id limit 1
    for update skip locked;
    if not found then
        return null;
    end if;
    update public.monday_wishes
    set attempts = attempts + 1, taken_until = p_now + make_interval(secs => p_seconds)
    where tenant_id = v_wish.tenant_id and scenario_id = v_wish.scenario_id and monday = v_wish.monday;
    -- In the name of whoever asked; where he left, or plans no more, in that of an admin, of whom there is one always.
    return (
        select jsonb_build_object(
            'tenant_id', m.tenant_id, 'scenario_id', m.scenario_id, 'monday', v_wish.monday, 'due_at', v_wish.due_at,
            'time_zone', v_wish.time_zone, 'wanted_time_zone', t.time_zone, 'attempt', v_wish.attempts + 1,
            'time_limit_seconds', m.time_limit_seconds, 'user_id', (
                select p.user_id from public.tenant_members as p
                where p.tenant_id = m.tenant_id
                  and (p.role = 'admin' or p.user_id = m.asked_by and p.role = 'planner')
                order by p.user_id = m.asked_by desc, p.created_at, p.user_id limit 1))
        from public.monday_replans as m
        join public.tenants as t on t.id = m.tenant_id
        where m.tenant_id = v_wish.tenant_id and m.scenario_id = v_wish.scenario_id);
end
$$;
comment on function public.take_monday(timestamptz, integer) is
    'Gives the wish that waits longest, to nobody else for p_seconds: {tenant_id, scenario_id, monday, due_at, '
    'time_zone, wanted_time_zone, attempt, time_limit_seconds, user_id}; null where none waits.';

create function public.return_monday(
    p_tenant_id uuid, p_scenario_id uuid, p_monday date, p_until timestamptz
) returns void
language sql security definer set search_path = ''
as $$
    update public.monday_wishes set attempts = attempts - 1, taken_until = p_until
    where tenant_id = p_tenant_id and scenario_id = p_scenario_id and monday = p_monday and run_id is null
$$;
comment on function public.return_monday(uuid, uuid, date, timestamptz) is
    'Gives a wish back that cannot be fulfilled before a moment, as if it had not been taken.';

create function public.fulfil_monday(p_tenant_id uuid, p_scenario_id uuid, p_monday date, p_run_id uuid) returns void
language sql security definer set search_path = ''
as $$
    update public.monday_wishes set run_id = p_run_id, taken_until = null
    where tenant_id = p_tenant_id and scenario_id = p_scenario_id and monday = p_monday
$$;
comment on function public.fulfil_monday(uuid, uuid, date, uuid) is 'Notes the run that stands for a wish.';

create function public.fail_monday(
    p_tenant_id uuid, p_scenario_id uuid, p_monday date, p_user_id uuid, p_key text, p_problem jsonb, p_error jsonb
) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
    v_run uuid;
begin
    insert into public.plan_runs
        (tenant_id, kind, status, problem, scenario_id, asof_date, idempotency_key, error, requested_by, finished_at)
    values (p_tenant_id, 'REPLAN', 'FAILED', p_problem, p_scenario_id, p_monday, p_key, p_error, p_user_id, now())
    on conflict (tenant_id, idempotency_key) do nothing
    returning id into v_run;
    if v_run is null then
        select id into v_run from public.plan_runs where tenant_id = p_tenant_id and idempotency_key = p_key;
    else
        insert into public.plan_run_leases (run_id, tenant_id) values (v_run, p_tenant_id);
    end if;
    perform public.fulfil_monday(p_tenant_id, p_scenario_id, p_monday, v_run);
    return v_run;
end
$$;
comment on function public.fail_monday(uuid, uuid, date, uuid, text, jsonb, jsonb) is
    'Stands a failed run, which tells why, for a wish that cannot be fulfilled.';

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'public.wish_mondays(timestamptz)', 'public.take_monday(timestamptz, integer)',
        'public.return_monday(uuid, uuid, date, timestamptz)', 'public.fulfil_monday(uuid, uuid, date, uuid)',
        'public.fail_monday(uuid, uuid, date, uuid, text, jsonb, jsonb)']
    loop
        execute format('revoke all on function %s from public, anon, authenticated', signature);
        execute format('grant execute on function %s to service_role, pourplan_jobs', signature);
    end loop;
end
$$;
