-- A deleted scenario keeps its name; names are unique among those that are there.

alter table public.scenarios drop constraint scenarios_tenant_id_name_key;
create unique index scenarios_name on public.scenarios (tenant_id, name) where archived_at is null;
update public.scenarios set name = archived_name where archived_at is not null;
alter table public.scenarios drop column archived_name;

-- Runs that are over come with a backup, after their scenario was archived.
drop trigger plan_runs_of_scenarios on public.plan_runs;
create trigger plan_runs_of_scenarios before insert on public.plan_runs
    for each row when (new.scenario_id is not null and new.finished_at is null)
    execute function internal.hold_scenario();

create or replace function public.delete_scenario(p_scenario_id uuid) returns jsonb
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
    update public.scenarios set archived_at = now() where tenant_id = v_tenant and id = p_scenario_id;
    return jsonb_build_object('fate', 'ARCHIVED');
end
$$;
