-- What whoever hands runs over asks: the service's dispatcher, and the sweep on Modal beside it.

-- Between taking a run to hand over and knowing its call, a dispatcher holds it: the other leaves it alone.
alter table public.plan_run_leases
    add column reservation uuid,
    add column reserved_until timestamptz;
comment on column public.plan_run_leases.reservation is
    'Proves that a dispatcher is handing the run over at this moment; believed until reserved_until.';

create function public.waiting_runs(p_max_attempts integer default 3, p_ended_calls text[] default '{}')
returns table (lost boolean, run_id uuid, kind text, status text, call_id text)
language plpgsql security definer set search_path = ''
as $$
begin
    return query
        select true, l.run_id, r.kind, l.status, l.call_id
        from public.reap_runs(p_max_attempts, p_ended_calls) as l
        join public.plan_runs as r on r.id = l.run_id;
    -- A statement of its own, which sees that the lost ones wait again.
    return query
        select false, q.run_id, q.kind, 'QUEUED', q.call_id
        from public.queued_runs() with ordinality
            as q (run_id, kind, call_id, dispatched_at, requested_at, place)
        order by q.place;
end
$$;
comment on function public.waiting_runs(integer, text[]) is
    'First the runs that were lost and are brought back by this look (reap_runs), each with the call that held it, '
    'QUEUED again or, after the last attempt, FAILED; then all that wait, in their order, with the call that each '
    'was handed to.';

create function public.reserve_run(p_run_id uuid, p_call_id text, p_seconds integer default 30) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
    v_reservation uuid;
begin
    -- The run's row first, as in every function: a claim that slips in between makes this one come too late.
    perform from public.plan_runs where id = p_run_id and status = 'QUEUED' for update;
    if found then
        update public.plan_run_leases
        set reservation = gen_random_uuid(),
            reserved_until = clock_timestamp() + make_interval(secs => p_seconds)
        where run_id = p_run_id and call_id is not distinct from p_call_id
          and (reserved_until <= clock_timestamp()) is not false
        returning reservation into v_reservation;
    end if;
    return v_reservation;
end
$$;
comment on function public.reserve_run(uuid, text, integer) is
    'Reserves a queued run for the caller to hand over, if it still has the call that the caller saw; null where '
    'another dispatcher is at it, or was faster.';

drop function public.record_dispatch(uuid, text);
create function public.record_dispatch(p_run_id uuid, p_call_id text, p_reservation uuid default null)
returns void
language plpgsql security definer set search_path = ''
as $$
declare
    v_status text;
begin
    -- Once claimed, the call that holds the run stands there; the lock keeps a claim from slipping in between.
    select status into v_status from public.plan_runs where id = p_run_id for update;
    update public.plan_run_leases
    set reservation = null, reserved_until = null,
        call_id = case when v_status = 'QUEUED' then coalesce(p_call_id, call_id) else call_id end,
        dispatched_at = case when v_status = 'QUEUED' and p_call_id is not null
                             then clock_timestamp() else dispatched_at end
    where run_id = p_run_id and (p_reservation is null or reservation = p_reservation);
end
$$;
comment on function public.record_dispatch(uuid, text, uuid) is
    'Notes the call that a queued run was handed to, and ends the reservation; no call where nobody took it.';

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'public.waiting_runs(integer, text[])', 'public.reserve_run(uuid, text, integer)',
        'public.record_dispatch(uuid, text, uuid)']
    loop
        execute format('revoke all on function %s from public, anon, authenticated', signature);
        execute format('grant execute on function %s to service_role, pourplan_jobs', signature);
    end loop;
end
$$;
