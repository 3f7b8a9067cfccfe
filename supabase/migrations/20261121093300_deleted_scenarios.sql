-- Scenarios that were deleted: those that were planned are archived for their runs, the others are removed.

alter table public.scenarios
    add column archived_at timestamptz,
    add column archived_name text,
    add check ((archived_at is null) = (archived_name is null)),
    add check (archived_at is null or not is_base);
comment on table public.scenarios is
    'A foundry''s data, or a what-if copy of them; removed only as long as no run points at it.';
comment on column public.scenarios.archived_at is
    'When it was deleted, and kept for its runs: in no list, changed and planned no more; null: not deleted.';
comment on column public.scenarios.archived_name is
    'The name it had when it was archived; its id stands in name since, so that others may have that name.';

-- Archiving is for the function below alone; what is archived is as if it were locked.
alter policy scenarios_add on public.scenarios with check (
    tenant_id = (select public.current_tenant_id()) and (select public.has_tenant_role('planner'))
    and archived_at is null);
alter policy scenarios_change on public.scenarios using (
    tenant_id = (select public.current_tenant_id()) and (select public.has_tenant_role('planner'))
    and archived_at is null
) with check (
    tenant_id = (select public.current_tenant_id()) and (select public.has_tenant_role('planner'))
    and archived_at is null);

-- However a run is queued: its scenario is held until the run is there for delete_scenario to see.
create function internal.hold_scenario() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    perform from public.scenarios
    where tenant_id = new.tenant_id and id = new.scenario_id and archived_at is null for key share;
    if not found then
        raise exception 'There is no scenario %.', new.scenario_id using errcode = 'PT404';
    end if;
    return new;
end
$$;
revoke all on function internal.hold_scenario() from public, anon, authenticated;
create trigger plan_runs_of_scenarios before insert on public.plan_runs
    for each row when (new.scenario_id is not null) execute function internal.hold_scenario();

create function public.delete_scenario(p_scenario_id uuid) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := public.current_tenant_id();
    v_open jsonb;
begin
    if not public.has_tenant_role('planner') then
        raise exception 'Only planners and admins may delete a scenario.' using errcode = '42501';
    end if;
    perform from public.scenarios
    where tenant_id = v_tenant and id = p_scenario_id and archived_at is null for update;
    if not found then
        raise exception 'There is no scenario %.', p_scenario_id using errcode = 'PT404';
    end if;
    if p_scenario_id = (
        select id from public.scenarios where tenant_id = v_tenant and archived_at is null
        order by is_base desc, created_at, id limit 1) then
        return jsonb_build_object('fate', 'IS_BASE');
    end if;
    select jsonb_agg(jsonb_build_object('id', id, 'status', status) order by requested_at, batch_place, id)
    into v_open
    from public.plan_runs
    where tenant_id = v_tenant and scenario_id = p_scenario_id and kind = 'REPLAN'
      and status in ('QUEUED', 'RUNNING');
    if v_open is not null then
        return jsonb_build_object('fate', 'HAS_OPEN_RUNS', 'runs', v_open);
    end if;
    if not exists (
        select from public.plan_runs
        where tenant_id = v_tenant and scenario_id = p_scenario_id and kind = 'REPLAN') then
        delete from public.scenarios where tenant_id = v_tenant and id = p_scenario_id;
        return jsonb_build_object('fate', 'REMOVED');
    end if;
    delete from public.monday_replans where tenant_id = v_tenant and scenario_id = p_scenario_id;
    update public.scenarios set archived_at = now(), archived_name = name, name = id::text
    where tenant_id = v_tenant and id = p_scenario_id;
    return jsonb_build_object('fate', 'ARCHIVED');
end
$$;
comment on function public.delete_scenario(uuid) is
    'Deletes a scenario of the current tenant and tells its fate: REMOVED, or, where runs point at it, ARCHIVED. The '
    'base (IS_BASE) and one with open runs (HAS_OPEN_RUNS, with runs: [{id, status}]) stay as they are.';
revoke all on function public.delete_scenario(uuid) from public, anon, service_role;
grant execute on function public.delete_scenario(uuid) to authenticated;

-- A wish that went with its scenario, while a service was at it, needs no run to stand for it.
create or replace function public.fail_monday(
    p_tenant_id uuid, p_scenario_id uuid, p_monday date, p_user_id uuid, p_key text, p_problem jsonb, p_error jsonb
) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
    v_run uuid;
begin
    -- Held first, as delete_scenario does.
    perform from public.scenarios where tenant_id = p_tenant_id and id = p_scenario_id for key share;
    if not exists (
        select from public.monday_wishes
        where tenant_id = p_tenant_id and scenario_id = p_scenario_id and monday = p_monday) then
        return null;
    end if;
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
    'Stands a failed run, which tells why, for a wish that cannot be fulfilled; null where the wish is no more.';

create or replace function public.set_monday_replan(
    p_scenario_id uuid, p_hour integer, p_time_limit_seconds integer default 60
) returns void
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := public.current_tenant_id();
begin
    if not public.has_tenant_role('planner') then
        raise exception 'Only planners and admins may choose what is replanned on Mondays.' using errcode = '42501';
    end if;
    perform from public.scenarios
    where tenant_id = v_tenant and id = p_scenario_id and archived_at is null for key share;
    if not found then
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
