-- A copy has the active orders alone, and so of the previous plan only their rows.
create or replace function public.clone_scenario(p_scenario_id uuid, p_name text) returns uuid
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
            v_table, v_columns,
            case
                when v_table in ('parts', 'orders') then ' and active'
                when v_table = 'previous_plan' then
                    ' and order_id in (select o.order_id from public.orders as o'
                    ' where o.tenant_id = $2 and o.scenario_id = $3 and o.active)'
                else ''
            end)
        using v_copy, v_tenant, p_scenario_id;
    end loop;
    return v_copy;
end
$$;
