-- The foundry: scenarios with their orders, resources and initial state; what a replan answers.

-- ------------------------------------------------------------------ what is planned from

create table public.scenarios (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    name text not null check (name = btrim(name) and name <> '' and char_length(name) <= 200),
    is_base boolean not null default false,
    asof_date date not null check (extract(isodow from asof_date) = 1),
    holidays date[] not null default '{}',
    settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
    frozen_days integer not null default 0 check (frozen_days >= 0),
    has_previous_plan boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (tenant_id, name),
    unique (tenant_id, id),
    check (frozen_days = 0 or has_previous_plan)
);
comment on table public.scenarios is
    'A foundry''s data, or a what-if copy of them; never removed, because runs point at them.';
comment on column public.scenarios.is_base is
    'The one that is meant where none is named; without any, the tenant''s first.';
comment on column public.scenarios.asof_date is 'The Monday of the initial state, on which the next plan starts.';
comment on column public.scenarios.holidays is 'No working days beyond those of calendar_workdays.';
comment on column public.scenarios.settings is 'How plans are judged: settings of the foundry problem (docs/replan.md).';
comment on column public.scenarios.frozen_days is 'So many first days stay as in previous_plan.';
create unique index scenarios_base on public.scenarios (tenant_id) where is_base;
create index scenarios_first on public.scenarios (tenant_id, created_at, id);

-- Parts and orders are known by their names within a scenario; ids are made of these, so that rows that name a
-- part or an order know its id.
create table public.parts (
    id uuid not null generated always as (md5('part/' || scenario_id::text || '/' || part_id)::uuid) stored,
    tenant_id uuid not null,
    scenario_id uuid not null,
    part_id text not null check (part_id = btrim(part_id) and part_id <> '' and char_length(part_id) <= 200),
    flask_size text not null check (flask_size in ('S', 'M', 'L')),
    cool_hours numeric not null check (cool_hours between 0 and 20000),
    finish_hours numeric not null check (finish_hours between 0 and 20000),
    gross_weight_ton numeric not null check (gross_weight_ton between 0 and 100000),
    alloy text,
    product_group_id uuid,
    position integer not null default 0,
    active boolean not null default true,
    primary key (tenant_id, scenario_id, part_id),
    unique (id),
    unique (tenant_id, id),
    foreign key (tenant_id, scenario_id) references public.scenarios (tenant_id, id) on delete cascade,
    foreign key (tenant_id, product_group_id) references public.product_groups (tenant_id, id)
);
comment on table public.parts is 'What is molded. Never removed, because plans point at them: a part that is gone is not active.';
comment on column public.parts.position is 'Place in the foundry''s own list.';
create index parts_place on public.parts (tenant_id, scenario_id, position, id);
create index parts_group on public.parts (tenant_id, product_group_id) where product_group_id is not null;

create table public.orders (
    id uuid not null generated always as (md5('order/' || scenario_id::text || '/' || order_id)::uuid) stored,
    tenant_id uuid not null,
    scenario_id uuid not null,
    order_id text not null check (order_id = btrim(order_id) and order_id <> '' and char_length(order_id) <= 200),
    part_id text not null,
    part_key uuid not null generated always as (md5('part/' || scenario_id::text || '/' || part_id)::uuid) stored,
    qty integer not null check (qty between 0 and 1000000),
    due_date date not null,
    priority integer not null default 100 check (priority between 0 and 1000000),
    position integer not null default 0,
    active boolean not null default true,
    primary key (tenant_id, scenario_id, order_id),
    unique (id),
    unique (tenant_id, id),
    foreign key (tenant_id, scenario_id) references public.scenarios (tenant_id, id) on delete cascade,
    foreign key (tenant_id, scenario_id, part_id) references public.parts (tenant_id, scenario_id, part_id)
);
comment on table public.orders is
    'Units of a part, wanted by a day. Never removed, because plans point at them: an order that is gone is not active.';
comment on column public.orders.priority is 'Lower is more urgent; a late unit weighs 100/priority, held within 0.1 and 10.';
create index orders_place on public.orders (tenant_id, scenario_id, position, id);
create index orders_part on public.orders (tenant_id, scenario_id, part_id);

create table public.resources (
    tenant_id uuid not null,
    scenario_id uuid not null,
    "flasks_S" integer not null check ("flasks_S" between 0 and 1000000),
    "flasks_M" integer not null check ("flasks_M" between 0 and 1000000),
    "flasks_L" integer not null check ("flasks_L" between 0 and 1000000),
    molding_max_per_day integer not null check (molding_max_per_day between 0 and 1000000),
    molding_max_same_part_per_day integer not null check (molding_max_same_part_per_day between 0 and 1000000),
    pour_max_ton_per_day numeric not null check (pour_max_ton_per_day between 0 and 100000),
    max_patterns integer not null default 6 check (max_patterns between 0 and 1000000),
    notes text,
    primary key (tenant_id, scenario_id),
    foreign key (tenant_id, scenario_id) references public.scenarios (tenant_id, id) on delete cascade
);
comment on table public.resources is 'Capacities of the shop: flasks owned, molds a day, molds a day of one pattern, tons poured a day.';

create table public.calendar_workdays (
    tenant_id uuid not null,
    scenario_id uuid not null,
    workday_index integer not null check (workday_index between 0 and 10000),
    date date not null,
    week_index integer,
    primary key (tenant_id, scenario_id, workday_index),
    unique (tenant_id, scenario_id, date),
    foreign key (tenant_id, scenario_id) references public.scenarios (tenant_id, id) on delete cascade
);
comment on table public.calendar_workdays is
    'Working days from the planning Monday on; beyond them, Monday to Friday less the scenario''s holidays.';

create table public.initial_order_progress (
    tenant_id uuid not null,
    scenario_id uuid not null,
    asof_date date not null,
    order_id text not null,
    molded_qty_credit integer not null default 0 check (molded_qty_credit between 0 and 1000000),
    primary key (tenant_id, scenario_id, asof_date, order_id),
    foreign key (tenant_id, scenario_id, order_id) references public.orders (tenant_id, scenario_id, order_id)
        on delete cascade
);
comment on table public.initial_order_progress is 'Units of an order that were molded before the Monday.';
create index initial_order_progress_order on public.initial_order_progress (tenant_id, scenario_id, order_id);

create table public.initial_patterns_loaded (
    tenant_id uuid not null,
    scenario_id uuid not null,
    asof_date date not null,
    order_id text not null,
    is_loaded integer not null default 1 check (is_loaded in (0, 1)),
    primary key (tenant_id, scenario_id, asof_date, order_id),
    foreign key (tenant_id, scenario_id, order_id) references public.orders (tenant_id, scenario_id, order_id)
        on delete cascade
);
comment on table public.initial_patterns_loaded is 'Whether the pattern of an order is on the line when the Monday begins.';
create index initial_patterns_loaded_order on public.initial_patterns_loaded (tenant_id, scenario_id, order_id);

-- Several molds of earlier weeks may be released on the same day, and several pours promised for one.
create table public.initial_flask_inuse (
    tenant_id uuid not null,
    scenario_id uuid not null,
    asof_date date not null,
    position integer not null,
    flask_size text not null check (flask_size in ('S', 'M', 'L')),
    release_workday_index integer not null check (release_workday_index between -10000 and 10000),
    qty_inuse integer not null check (qty_inuse between 0 and 1000000),
    primary key (tenant_id, scenario_id, asof_date, position),
    foreign key (tenant_id, scenario_id) references public.scenarios (tenant_id, id) on delete cascade
);
comment on column public.initial_flask_inuse.release_workday_index is 'First workday on which they are free again.';

create table public.initial_pour_load (
    tenant_id uuid not null,
    scenario_id uuid not null,
    asof_date date not null,
    position integer not null,
    workday_index integer not null check (workday_index between -10000 and 10000),
    tons_committed numeric not null check (tons_committed between 0 and 100000),
    primary key (tenant_id, scenario_id, asof_date, position),
    foreign key (tenant_id, scenario_id) references public.scenarios (tenant_id, id) on delete cascade
);
comment on table public.initial_pour_load is 'Metal that is already promised to molds of earlier weeks.';

create table public.expected_deliveries (
    tenant_id uuid not null,
    scenario_id uuid not null,
    asof_date date not null,
    position integer not null,
    order_id text not null,
    date date not null,
    qty integer not null check (qty between 0 and 1000000),
    primary key (tenant_id, scenario_id, asof_date, position),
    foreign key (tenant_id, scenario_id, order_id) references public.orders (tenant_id, scenario_id, order_id)
        on delete cascade
);
comment on table public.expected_deliveries is 'Units that are molded already, and the day on which they will be delivered.';
create index expected_deliveries_order on public.expected_deliveries (tenant_id, scenario_id, order_id);

create table public.previous_plan (
    tenant_id uuid not null,
    scenario_id uuid not null,
    order_id text not null,
    workday_index integer not null check (workday_index between 0 and 10000),
    molds integer not null check (molds between 1 and 1000000),
    primary key (tenant_id, scenario_id, workday_index, order_id),
    foreign key (tenant_id, scenario_id, order_id) references public.orders (tenant_id, scenario_id, order_id)
        on delete cascade
);
comment on table public.previous_plan is 'An earlier plan, its workdays counted from the scenario''s Monday.';
create index previous_plan_order on public.previous_plan (tenant_id, scenario_id, order_id);

create table public.pins (
    tenant_id uuid not null,
    scenario_id uuid not null,
    order_id text not null,
    workday_index integer not null check (workday_index between 0 and 10000),
    molds integer not null check (molds between 0 and 1000000),
    primary key (tenant_id, scenario_id, workday_index, order_id),
    foreign key (tenant_id, scenario_id, order_id) references public.orders (tenant_id, scenario_id, order_id)
        on delete cascade
);
comment on table public.pins is 'A day''s molds of an order that the planner has decided; 0 forbids the day.';
create index pins_order on public.pins (tenant_id, scenario_id, order_id);

-- ------------------------------------------------------------------ runs

alter table public.tenants
    add column open_replans integer not null default 4 check (open_replans between 1 and 1000);
comment on column public.tenants.open_replans is 'Replans that may be queued or running at the same time.';

alter table public.plan_runs
    add column scenario_id uuid,
    add column asof_date date,
    add foreign key (tenant_id, scenario_id) references public.scenarios (tenant_id, id),
    add check ((kind = 'REPLAN') = (scenario_id is not null and asof_date is not null)),
    add check (kind = 'REPLAN' or (scenario_id is null and asof_date is null));
comment on column public.plan_runs.scenario_id is 'The scenario that a replan plans.';
comment on column public.plan_runs.asof_date is 'The Monday on which a replan starts.';
create index plan_runs_scenario on public.plan_runs (tenant_id, scenario_id, finished_at desc)
    where kind = 'REPLAN';

-- ------------------------------------------------------------------ what a replan answers

create table public.replans (
    run_id uuid primary key,
    tenant_id uuid not null,
    scenario_id uuid not null,
    asof_date date not null,
    late_molds integer not null check (late_molds >= 0),
    late_orders integer not null check (late_orders >= 0),
    pattern_starts integer not null check (pattern_starts >= 0),
    pattern_stops integer not null check (pattern_stops >= 0),
    day0_stops integer not null check (day0_stops >= 0),
    pattern_changes integer not null check (pattern_changes >= 0),
    wip integer not null check (wip >= 0),
    objective double precision not null check (objective >= 0),
    bound double precision not null check (bound <= objective),
    gap double precision not null check (gap >= 0),
    proven_optimal boolean not null,
    stopped_early boolean not null,
    solve_seconds double precision not null check (solve_seconds >= 0),
    specification_objective double precision not null check (specification_objective >= 0),
    late_weight double precision not null check (late_weight >= 0),
    tardiness double precision not null check (tardiness >= 0),
    congestion double precision not null check (congestion >= 0),
    stability double precision not null check (stability >= 0),
    peak_flasks jsonb not null check (jsonb_typeof(peak_flasks) = 'array'),
    peak_pour_tons double precision not null check (peak_pour_tons >= 0),
    explanation text[] not null default '{}',
    plan jsonb not null,
    foreign key (tenant_id, run_id) references public.plan_runs (tenant_id, id) on delete cascade,
    foreign key (tenant_id, scenario_id) references public.scenarios (tenant_id, id),
    unique (tenant_id, run_id),
    unique (tenant_id, scenario_id, run_id)
);
comment on table public.replans is 'One row a replan that succeeded: its figures, as docs/replan.md counts them.';
comment on column public.replans.plan is 'The plan as the job answered it, which verifies and rolls on with the run''s problem.';
comment on column public.replans.explanation is 'The plan in a planner''s sentences.';

create table public.plan_daily_order (
    id uuid not null generated always as
        (md5(run_id::text || '/' || workday_index::text || '/' || order_id)::uuid) stored,
    tenant_id uuid not null,
    scenario_id uuid not null,
    run_id uuid not null,
    asof_date date not null,
    workday_index integer not null check (workday_index >= 0),
    date date not null,
    order_id text not null,
    order_key uuid not null generated always as
        (md5('order/' || scenario_id::text || '/' || order_id)::uuid) stored,
    part_id text not null,
    part_key uuid not null generated always as (md5('part/' || scenario_id::text || '/' || part_id)::uuid) stored,
    molds_molded integer not null check (molds_molded > 0),
    primary key (tenant_id, run_id, workday_index, order_id),
    foreign key (tenant_id, scenario_id, run_id) references public.replans (tenant_id, scenario_id, run_id)
        on delete cascade,
    foreign key (tenant_id, scenario_id, order_id) references public.orders (tenant_id, scenario_id, order_id),
    foreign key (tenant_id, scenario_id, part_id) references public.parts (tenant_id, scenario_id, part_id)
);
comment on table public.plan_daily_order is 'Molds of an order on a working day.';
create index plan_daily_order_scenario on public.plan_daily_order (tenant_id, scenario_id, run_id);
create index plan_daily_order_order on public.plan_daily_order (tenant_id, scenario_id, order_id);
create index plan_daily_order_part on public.plan_daily_order (tenant_id, scenario_id, part_id);

create table public.plan_weekly_order (
    id uuid not null generated always as
        (md5(run_id::text || '/' || week_index::text || '/' || order_id)::uuid) stored,
    tenant_id uuid not null,
    scenario_id uuid not null,
    run_id uuid not null,
    asof_date date not null,
    week_index integer not null,
    order_id text not null,
    order_key uuid not null generated always as
        (md5('order/' || scenario_id::text || '/' || order_id)::uuid) stored,
    part_id text not null,
    part_key uuid not null generated always as (md5('part/' || scenario_id::text || '/' || part_id)::uuid) stored,
    molds_molded_week integer not null check (molds_molded_week > 0),
    primary key (tenant_id, run_id, week_index, order_id),
    foreign key (tenant_id, scenario_id, run_id) references public.replans (tenant_id, scenario_id, run_id)
        on delete cascade,
    foreign key (tenant_id, scenario_id, order_id) references public.orders (tenant_id, scenario_id, order_id),
    foreign key (tenant_id, scenario_id, part_id) references public.parts (tenant_id, scenario_id, part_id)
);
comment on table public.plan_weekly_order is 'Molds of an order in a week of the calendar.';
create index plan_weekly_order_scenario on public.plan_weekly_order (tenant_id, scenario_id, run_id);
create index plan_weekly_order_order on public.plan_weekly_order (tenant_id, scenario_id, order_id);
create index plan_weekly_order_part on public.plan_weekly_order (tenant_id, scenario_id, part_id);

create table public.order_status (
    id uuid not null generated always as (md5(run_id::text || '/' || order_id)::uuid) stored,
    tenant_id uuid not null,
    scenario_id uuid not null,
    run_id uuid not null,
    asof_date date not null,
    position integer not null,
    order_id text not null,
    order_key uuid not null generated always as
        (md5('order/' || scenario_id::text || '/' || order_id)::uuid) stored,
    part_id text not null,
    part_key uuid not null generated always as (md5('part/' || scenario_id::text || '/' || part_id)::uuid) stored,
    qty integer not null,
    molded_qty_credit integer not null,
    remaining_qty integer not null check (remaining_qty >= 0),
    due_date date not null,
    delivered_by_due integer not null check (delivered_by_due >= 0),
    late_qty integer not null check (late_qty between 0 and remaining_qty),
    credit_late_qty integer not null default 0 check (credit_late_qty >= 0),
    completion_workday_index integer,
    completion_date date,
    reason text,
    causes jsonb not null default '[]' check (jsonb_typeof(causes) = 'array'),
    primary key (tenant_id, run_id, order_id),
    foreign key (tenant_id, scenario_id, run_id) references public.replans (tenant_id, scenario_id, run_id)
        on delete cascade,
    foreign key (tenant_id, scenario_id, order_id) references public.orders (tenant_id, scenario_id, order_id),
    foreign key (tenant_id, scenario_id, part_id) references public.parts (tenant_id, scenario_id, part_id)
);
comment on table public.order_status is 'What becomes of an order in a plan; late ones with the reason.';
comment on column public.order_status.credit_late_qty is 'Units already molded that are expected after the due date.';
comment on column public.order_status.causes is
    'Late orders: [{resource, units, from_date, to_date, days, taken_by: [{order_id, amount}]}], the main one first.';
create index order_status_place on public.order_status (tenant_id, run_id, position);
create index order_status_scenario on public.order_status (tenant_id, scenario_id, run_id);
create index order_status_order on public.order_status (tenant_id, scenario_id, order_id);
create index order_status_part on public.order_status (tenant_id, scenario_id, part_id);

create table public.plan_days (
    tenant_id uuid not null,
    scenario_id uuid not null,
    run_id uuid not null,
    workday_index integer not null check (workday_index >= 0),
    date date not null,
    week_index integer not null,
    molds integer not null check (molds >= 0),
    patterns integer not null check (patterns >= 0),
    pour_tons double precision not null check (pour_tons >= 0),
    flasks jsonb not null check (jsonb_typeof(flasks) = 'array'),
    primary key (tenant_id, run_id, workday_index),
    foreign key (tenant_id, scenario_id, run_id) references public.replans (tenant_id, scenario_id, run_id)
        on delete cascade
);
comment on table public.plan_days is 'The working days of a plan with what the shop does on each, earlier commitments included.';
comment on column public.plan_days.patterns is 'Patterns on the line, idle ones included.';
comment on column public.plan_days.flasks is '[{size, in_use, capacity}], one for each size.';
create index plan_days_scenario on public.plan_days (tenant_id, scenario_id, run_id);

-- ------------------------------------------------------------------ who may

do $$
declare
    name text;
    planner constant text :=
        'tenant_id = (select public.current_tenant_id()) and (select public.has_tenant_role(''planner''))';
begin
    foreach name in array array[
        'scenarios', 'parts', 'orders', 'resources', 'calendar_workdays', 'initial_order_progress',
        'initial_patterns_loaded', 'initial_flask_inuse', 'initial_pour_load', 'expected_deliveries',
        'previous_plan', 'pins', 'replans', 'plan_daily_order', 'plan_weekly_order', 'order_status', 'plan_days']
    loop
        execute format('alter table public.%I enable row level security', name);
        execute format('alter table public.%I force row level security', name);
        execute format('revoke all on public.%I from public, anon, authenticated', name);
        execute format('grant select on public.%I to authenticated', name);
        execute format('create policy %I on public.%I for select to authenticated'
            ' using (tenant_id = (select public.current_tenant_id()))', name || '_read', name);
        -- Results are written by functions alone.
        continue when name in ('replans', 'plan_daily_order', 'plan_weekly_order', 'order_status', 'plan_days');
        execute format('grant insert, update on public.%I to authenticated', name);
        execute format('create policy %I on public.%I for insert to authenticated with check (%s)',
            name || '_add', name, planner);
        execute format('create policy %I on public.%I for update to authenticated using (%s) with check (%s)',
            name || '_change', name, planner, planner);
        -- Runs point at scenarios, plans at parts and orders.
        continue when name in ('scenarios', 'parts', 'orders');
        execute format('grant delete on public.%I to authenticated', name);
        execute format('create policy %I on public.%I for delete to authenticated using (%s)',
            name || '_remove', name, planner);
    end loop;
end
$$;

-- ------------------------------------------------------------------ asked by users

create function public.clone_scenario(p_scenario_id uuid, p_name text) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := public.current_tenant_id();
    v_copy uuid := gen_random_uuid();
    v_table text;
    v_columns text;
begin
    if not public.has_tenant_role('planner') then
        raise exception 'Only planners and admins may copy a scenario.' using errcode = '42501';
    end if;
    insert into public.scenarios (id, tenant_id, name, asof_date, holidays, settings, frozen_days, has_previous_plan)
    select v_copy, tenant_id, btrim(p_name), asof_date, holidays, settings, frozen_days, has_previous_plan
    from public.scenarios where tenant_id = v_tenant and id = p_scenario_id;
    if not found then
        raise exception 'There is no scenario %.', p_scenario_id using errcode = 'PT404';
    end if;
    -- Parts before orders, orders before what names them.
    foreach v_table in array array[
        'parts', 'orders', 'resources', 'calendar_workdays', 'initial_order_progress', 'initial_patterns_loaded',
        'initial_flask_inuse', 'initial_pour_load', 'expected_deliveries', 'previous_plan', 'pins']
    loop
        select string_agg(quote_ident(attname), ', ' order by attnum) into v_columns
        from pg_catalog.pg_attribute
        where attrelid = format('public.%I', v_table)::regclass and attnum > 0 and not attisdropped
          and attgenerated = '' and attname not in ('tenant_id', 'scenario_id');
        execute format(
            'insert into public.%1$I (tenant_id, scenario_id, %2$s)'
            ' select tenant_id, $1, %2$s from public.%1$I where tenant_id = $2 and scenario_id = $3%3$s',
            v_table, v_columns, case when v_table in ('parts', 'orders') then ' and active' else '' end)
        using v_copy, v_tenant, p_scenario_id;
    end loop;
    return v_copy;
end
$$;
comment on function public.clone_scenario(uuid, text) is
    'Copies a scenario of the current tenant under a new name, without its runs, and gives the copy''s id.';

create function public.create_replan(
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
        where tenant_id = v_tenant and kind = 'REPLAN' and status in ('QUEUED', 'RUNNING')) >= v_most then
        raise exception 'Already % replans are queued or running.', v_most using errcode = 'PT429';
    end if;
    insert into public.plan_runs (tenant_id, kind, problem, scenario_id, asof_date, idempotency_key)
    values (v_tenant, 'REPLAN', p_problem, p_scenario_id, p_asof_date, p_idempotency_key)
    returning id into v_run;
    insert into public.plan_run_leases (run_id, tenant_id) values (v_run, v_tenant);
    return v_run;
end
$$;
comment on function public.create_replan(uuid, date, jsonb, text) is
    'Queues a replan for the current tenant and gives its id; the same idempotency key gives the same run. '
    'Refused (PT429) while as many are open as the tenant may have.';

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'public.clone_scenario(uuid, text)', 'public.create_replan(uuid, date, jsonb, text)']
    loop
        execute format('revoke all on function %s from public, anon, service_role', signature);
        execute format('grant execute on function %s to authenticated', signature);
    end loop;
end
$$;

-- ------------------------------------------------------------------ asked by jobs

create function internal.store_replan_result(p_run public.plan_runs, p_result jsonb) returns void
language plpgsql security definer set search_path = ''
as $$
declare
    v_plan jsonb := p_result -> 'plan';
    v_summary jsonb := p_result -> 'plan' -> 'summary';
begin
    insert into public.replans
        (run_id, tenant_id, scenario_id, asof_date, late_molds, late_orders, pattern_starts, pattern_stops,
         day0_stops, pattern_changes, wip, objective, bound, gap, proven_optimal, stopped_early, solve_seconds,
         specification_objective, late_weight, tardiness, congestion, stability, peak_flasks, peak_pour_tons,
         explanation, plan)
    select p_run.id, p_run.tenant_id, p_run.scenario_id, p_run.asof_date, s.late, s.late_orders, s.starts, s.stops,
           s.day0_stops, s.changes, s.wip, s.objective, s.bound, s.gap, v_plan ->> 'status' = 'OPTIMAL',
           s.stopped_early, s.solve_seconds, s.spec_objective, s.late_weight, s.tardiness, s.congestion,
           s.stability, p_result -> 'peak_flasks', s.peak_pour_ton,
           array(select jsonb_array_elements_text(coalesce(v_plan -> 'explanation' -> 'sentences', '[]'))), v_plan
    from jsonb_to_record(v_summary) as s (
        late integer, late_orders integer, starts integer, stops integer, day0_stops integer, changes integer,
        wip integer, objective double precision, bound double precision, gap double precision,
        stopped_early boolean, solve_seconds double precision, spec_objective double precision,
        late_weight double precision, tardiness double precision, congestion double precision,
        stability double precision, peak_pour_ton double precision);

    insert into public.plan_days
        (tenant_id, scenario_id, run_id, workday_index, date, week_index, molds, patterns, pour_tons, flasks)
    select p_run.tenant_id, p_run.scenario_id, p_run.id, d.workday_index, d.date, d.week_index, d.molds, d.patterns,
           d.pour_ton, d.flasks
    from jsonb_to_recordset(p_result -> 'days') as d (
        workday_index integer, date date, week_index integer, molds integer, patterns integer,
        pour_ton double precision, flasks jsonb);

    -- The part of an order as it was planned, which the order itself may no longer have.
    insert into public.order_status
        (tenant_id, scenario_id, run_id, asof_date, position, order_id, part_id, qty, molded_qty_credit,
         remaining_qty, due_date, delivered_by_due, late_qty, credit_late_qty, completion_workday_index,
         completion_date, reason, causes)
    select p_run.tenant_id, p_run.scenario_id, p_run.id, p_run.asof_date, o.nr, o.order_id, o.part_id, o.qty,
           o.molded_qty_credit, o.remaining_qty, o.due_date, o.delivered_by_due, o.late_qty, o.credit_late_qty,
           o.completion_workday_index, o.completion_date, o.reason, coalesce(late.causes, '[]')
    from rows from (jsonb_to_recordset(v_plan -> 'order_status') as (
        order_id text, part_id text, qty integer, molded_qty_credit integer, remaining_qty integer, due_date date,
        delivered_by_due integer, late_qty integer, credit_late_qty integer, completion_workday_index integer,
        completion_date date, reason text)) with ordinality as o (
        order_id, part_id, qty, molded_qty_credit, remaining_qty, due_date, delivered_by_due, late_qty,
        credit_late_qty, completion_workday_index, completion_date, reason, nr)
    left join jsonb_to_recordset(v_plan -> 'explanation' -> 'late') as late (order_id text, causes jsonb)
        on late.order_id = o.order_id;

    insert into public.plan_daily_order
        (tenant_id, scenario_id, run_id, asof_date, workday_index, date, order_id, part_id, molds_molded)
    select p_run.tenant_id, p_run.scenario_id, p_run.id, p_run.asof_date, x.workday_index, d.date, x.order_id,
           o.part_id, x.molds
    from jsonb_to_recordset(v_plan -> 'x') as x (order_id text, workday_index integer, molds integer)
    join public.plan_days as d
        on d.tenant_id = p_run.tenant_id and d.run_id = p_run.id and d.workday_index = x.workday_index
    join public.order_status as o
        on o.tenant_id = p_run.tenant_id and o.run_id = p_run.id and o.order_id = x.order_id;

    insert into public.plan_weekly_order
        (tenant_id, scenario_id, run_id, asof_date, week_index, order_id, part_id, molds_molded_week)
    select p_run.tenant_id, p_run.scenario_id, p_run.id, p_run.asof_date, d.week_index, p.order_id, p.part_id,
           sum(p.molds_molded)
    from public.plan_daily_order as p
    join public.plan_days as d
        on d.tenant_id = p.tenant_id and d.run_id = p.run_id and d.workday_index = p.workday_index
    where p.tenant_id = p_run.tenant_id and p.run_id = p_run.id
    group by d.week_index, p.order_id, p.part_id;
end
$$;
comment on function internal.store_replan_result(public.plan_runs, jsonb) is
    'The rows of a replan, from the JSON form of its result: {plan, days, peak_flasks, warnings}.';
revoke all on function internal.store_replan_result(public.plan_runs, jsonb) from public, anon, authenticated;
