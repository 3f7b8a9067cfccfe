-- What a forecast answers: heats per grade and per group, with the scores of the methods it chose from.

create table public.forecasts (
    run_id uuid primary key,
    tenant_id uuid not null,
    month date not null check (extract(day from month) = 1),
    method text not null,
    total_heats integer not null check (total_heats >= 0),
    foreign key (tenant_id, run_id) references public.plan_runs (tenant_id, id) on delete cascade,
    unique (tenant_id, run_id)
);
comment on table public.forecasts is 'One row a forecast run that succeeded.';

create table public.forecast_heats (
    tenant_id uuid not null,
    run_id uuid not null,
    steel_grade_id uuid not null,
    product_group_id uuid not null,
    position integer not null,
    heats integer not null check (heats >= 0),
    tons double precision not null check (tons >= 0),
    committed_heats integer not null check (committed_heats between 0 and heats),
    share double precision not null check (share between 0 and 1),
    low integer not null,
    high integer not null,
    primary key (run_id, steel_grade_id),
    foreign key (tenant_id, run_id) references public.forecasts (tenant_id, run_id) on delete cascade,
    foreign key (tenant_id, steel_grade_id) references public.steel_grades (tenant_id, id),
    foreign key (tenant_id, product_group_id) references public.product_groups (tenant_id, id),
    check (0 <= low and low <= heats and heats <= high)
);
comment on table public.forecast_heats is 'Heats per grade; low and high are the 80% interval, committed_heats are sequenced already.';
create index forecast_heats_run on public.forecast_heats (tenant_id, run_id, position);
create index forecast_heats_grade on public.forecast_heats (tenant_id, steel_grade_id);
create index forecast_heats_group on public.forecast_heats (tenant_id, product_group_id);

create table public.forecast_groups (
    tenant_id uuid not null,
    run_id uuid not null,
    product_group_id uuid not null,
    position integer not null,
    ordered_heats integer check (ordered_heats >= 0),
    forecast_heats integer not null check (forecast_heats >= 0),
    primary key (run_id, product_group_id),
    foreign key (tenant_id, run_id) references public.forecasts (tenant_id, run_id) on delete cascade,
    foreign key (tenant_id, product_group_id) references public.product_groups (tenant_id, id)
);
comment on column public.forecast_groups.ordered_heats is 'The order forecast; null where there was none.';
create index forecast_groups_run on public.forecast_groups (tenant_id, run_id, position);
create index forecast_groups_group on public.forecast_groups (tenant_id, product_group_id);

create table public.forecast_unassigned (
    tenant_id uuid not null,
    run_id uuid not null,
    steel_grade_id uuid not null,
    position integer not null,
    heats integer not null check (heats > 0),
    suggestion text,
    primary key (run_id, steel_grade_id),
    foreign key (tenant_id, run_id) references public.forecasts (tenant_id, run_id) on delete cascade,
    foreign key (tenant_id, steel_grade_id) references public.steel_grades (tenant_id, id)
);
comment on table public.forecast_unassigned is 'Scheduled heats of grades without a group: outside the totals until somebody tells it.';
create index forecast_unassigned_run on public.forecast_unassigned (tenant_id, run_id, position);
create index forecast_unassigned_grade on public.forecast_unassigned (tenant_id, steel_grade_id);

create table public.forecast_scores (
    tenant_id uuid not null,
    run_id uuid not null,
    method text not null,
    position integer not null,
    misallocated_share double precision not null check (misallocated_share >= 0),
    primary key (run_id, method),
    foreign key (tenant_id, run_id) references public.forecasts (tenant_id, run_id) on delete cascade
);
comment on column public.forecast_scores.misallocated_share is
    'Half of the sum of |forecast - actual| over the total, group totals given, in the rolling-origin backtest.';
create index forecast_scores_run on public.forecast_scores (tenant_id, run_id, position);

do $$
declare
    name text;
begin
    foreach name in array array['forecasts', 'forecast_heats', 'forecast_groups', 'forecast_unassigned',
                                'forecast_scores']
    loop
        execute format('alter table public.%I enable row level security', name);
        execute format('alter table public.%I force row level security', name);
        execute format('revoke all on public.%I from public, anon, authenticated', name);
        execute format('grant select on public.%I to authenticated', name);
        execute format('create policy %I on public.%I for select to authenticated'
            ' using (tenant_id = (select public.current_tenant_id()))', name || '_read', name);
    end loop;
end
$$;

create function internal.store_forecast_result(p_run public.plan_runs, p_result jsonb) returns void
language plpgsql security definer set search_path = ''
as $$
declare
    v_unknown text;
begin
    select string_agg(distinct named.grade, ', ') into v_unknown
    from (select e ->> 'grade' as grade from jsonb_array_elements(p_result -> 'heats') as e
          union all
          select e ->> 'grade' from jsonb_array_elements(p_result -> 'unassigned') as e) as named
    where not exists (select from public.steel_grades as g
                      where g.tenant_id = p_run.tenant_id and g.name = named.grade);
    if v_unknown is not null then
        raise exception 'The result names grades that the catalog does not know: %.', v_unknown
            using errcode = '22023';
    end if;

    insert into public.forecasts (run_id, tenant_id, month, method, total_heats)
    values (p_run.id, p_run.tenant_id, p_run.month, p_result ->> 'method',
            (select coalesce(sum((e ->> 'heats')::integer), 0) from jsonb_array_elements(p_result -> 'heats') as e));

    insert into public.forecast_heats
        (tenant_id, run_id, steel_grade_id, product_group_id, position,
         heats, tons, committed_heats, share, low, high)
    select p_run.tenant_id, p_run.id, g.id, pg.id, row.nr,
           (e ->> 'heats')::integer, (e ->> 'tons')::double precision, (e ->> 'committed_heats')::integer,
           (e ->> 'share')::double precision, (e ->> 'low')::integer, (e ->> 'high')::integer
    from jsonb_array_elements(p_result -> 'heats') with ordinality as row (e, nr)
    join public.steel_grades as g on g.tenant_id = p_run.tenant_id and g.name = e ->> 'grade'
    left join public.product_groups as pg on pg.tenant_id = p_run.tenant_id and pg.name = e ->> 'group';

    insert into public.forecast_groups (tenant_id, run_id, product_group_id, position, ordered_heats, forecast_heats)
    select p_run.tenant_id, p_run.id, pg.id, row.nr,
           (e ->> 'ordered_heats')::integer, (e ->> 'forecast_heats')::integer
    from jsonb_array_elements(p_result -> 'groups') with ordinality as row (e, nr)
    left join public.product_groups as pg on pg.tenant_id = p_run.tenant_id and pg.name = e ->> 'group';

    insert into public.forecast_unassigned (tenant_id, run_id, steel_grade_id, position, heats, suggestion)
    select p_run.tenant_id, p_run.id, g.id, row.nr, (e ->> 'heats')::integer, e ->> 'suggestion'
    from jsonb_array_elements(p_result -> 'unassigned') with ordinality as row (e, nr)
    join public.steel_grades as g on g.tenant_id = p_run.tenant_id and g.name = e ->> 'grade';

    insert into public.forecast_scores (tenant_id, run_id, method, position, misallocated_share)
    select p_run.tenant_id, p_run.id, e ->> 'method', row.nr, (e ->> 'misallocated_share')::double precision
    from jsonb_array_elements(coalesce(p_result -> 'scores', '[]')) with ordinality as row (e, nr);
end
$$;
comment on function internal.store_forecast_result(public.plan_runs, jsonb) is
    'The rows of a forecast, from the JSON form of its result.';
revoke all on all functions in schema internal from public, anon, authenticated;
