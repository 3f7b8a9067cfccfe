-- What an archived scenario holds is kept for its runs: it is read and copied, and changed no more.

do $$
declare
    name text;
    present constant text := 'scenario_id in (select id from public.scenarios where archived_at is null)';
begin
    foreach name in array array[
        'parts', 'orders', 'resources', 'calendar_workdays', 'initial_order_progress', 'initial_patterns_loaded',
        'initial_flask_inuse', 'initial_pour_load', 'expected_deliveries', 'previous_plan', 'pins']
    loop
        execute format('create policy %I on public.%I as restrictive for insert to authenticated with check (%s)',
            name || '_add_to_present', name, present);
        execute format('create policy %I on public.%I as restrictive for update to authenticated using (%s)'
            ' with check (%s)', name || '_change_of_present', name, present, present);
        execute format('create policy %I on public.%I as restrictive for delete to authenticated using (%s)',
            name || '_remove_of_present', name, present);
    end loop;
end
$$;
