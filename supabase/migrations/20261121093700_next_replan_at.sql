-- When a scenario is replanned next: a Monday that has come and was wished for, or has its run, is not promised again.

create function public.next_replan_at(
    p_scenario_id uuid, p_hour integer, p_time_zone text, p_now timestamptz default now()
) returns timestamptz
language sql stable security definer set search_path = ''
as $$
    with mondays as (
        select public.monday_at(p_now + make_interval(days => 7 * weeks), p_hour, zone) as at, zone
        from generate_series(0, 3) as weeks, public.known_time_zone(p_time_zone) as zone
    ),
    coming as (
        select at, (at at time zone zone)::date as monday from mondays where at > p_now
    )
    -- There is always a next one, whatever was recorded ahead.
    select coalesce(min(c.at) filter (where not planned.already), max(c.at))
    from coming as c
    cross join lateral (
        select exists (
            select from public.monday_wishes as w
            where w.tenant_id = (select public.current_tenant_id()) and w.scenario_id = p_scenario_id
              and w.monday = c.monday)
            -- Its run stands for a Monday also where the switch went off and on again, and took the wish along.
            or exists (
                select from public.plan_runs as r
                where r.tenant_id = (select public.current_tenant_id()) and r.idempotency_key
                    = 'monday ' || p_scenario_id::text || ' ' || to_char(c.monday, 'YYYY-MM-DD')) as already
    ) as planned
$$;
comment on function public.next_replan_at(uuid, integer, text, timestamptz) is
    'When a scenario of the current tenant is replanned next, were it switched on at this hour in this time zone.';
revoke all on function public.next_replan_at(uuid, integer, text, timestamptz) from public, anon, service_role;
grant execute on function public.next_replan_at(uuid, integer, text, timestamptz) to authenticated;
