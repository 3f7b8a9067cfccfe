-- Workers that end before they claim their run: after a few, the run waits longer each time, and says so.

alter table public.plan_run_leases
    add column unclaimed integer not null default 0 check (unclaimed >= 0);
comment on column public.plan_run_leases.unclaimed is
    'How many calls in a row, before the present one, ended without a claim.';

create function internal.hand_over_pause(p_unclaimed integer) returns interval
language sql immutable security definer set search_path = ''
as $$
    -- Three calls follow each other without a pause; then it is a minute, two, four, ten at most.
    select case when p_unclaimed < 2 then interval '0'
                else make_interval(secs => least(600, 60 * 2 ^ (least(p_unclaimed, 10) - 2))) end
$$;
comment on function internal.hand_over_pause(integer) is
    'How long after the present call began the next one may, given how many ended unclaimed before it.';
revoke all on function internal.hand_over_pause(integer) from public, anon, authenticated;

create or replace function public.reserve_run(p_run_id uuid, p_call_id text, p_seconds integer default 30)
returns uuid
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
          and (call_id is null
               or dispatched_at + internal.hand_over_pause(unclaimed) <= clock_timestamp()) is not false
        returning reservation into v_reservation;
    end if;
    return v_reservation;
end
$$;
comment on function public.reserve_run(uuid, text, integer) is
    'Reserves a queued run for the caller to hand over, if it still has the call that the caller saw; null where '
    'another dispatcher is at it, or was faster, and while the run has to pause after calls that ended unclaimed.';

create or replace function public.record_dispatch(p_run_id uuid, p_call_id text, p_reservation uuid default null)
returns void
language plpgsql security definer set search_path = ''
as $$
declare
    v_taken boolean;
begin
    -- Once claimed, the call that holds the run stands there; the lock keeps a claim from slipping in between.
    select status = 'QUEUED' and p_call_id is not null into v_taken
    from public.plan_runs where id = p_run_id for update;
    -- A queued run that has a call lost it before a claim: whoever claims and is lost leaves none.
    update public.plan_run_leases
    set reservation = null, reserved_until = null,
        call_id = case when v_taken then p_call_id else call_id end,
        dispatched_at = case when v_taken then clock_timestamp() else dispatched_at end,
        unclaimed = case when not v_taken then unclaimed when call_id is null then 0 else unclaimed + 1 end
    where run_id = p_run_id and (p_reservation is null or reservation = p_reservation);
end
$$;
comment on function public.record_dispatch(uuid, text, uuid) is
    'Notes the call that a queued run was handed to, and ends the reservation; no call where nobody took it.';

create function public.tell_unclaimed(p_call_id text, p_reason text) returns void
language sql security definer set search_path = ''
as $$
    update public.plan_runs as r
    set phase = left('the worker ended before it began: ' || p_reason, 300)
    from public.plan_run_leases as l
    where r.status = 'QUEUED' and l.run_id = r.id and l.call_id = p_call_id
$$;
comment on function public.tell_unclaimed(text, text) is
    'Tells whoever follows the run that its call ended without a claim, and why; says nothing of a run that was '
    'claimed. The next claim says otherwise.';
revoke all on function public.tell_unclaimed(text, text) from public, anon, authenticated;
grant execute on function public.tell_unclaimed(text, text) to service_role, pourplan_jobs;
