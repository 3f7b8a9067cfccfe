-- A token that opens one run: who works on it, on a machine that is not ours, needs no key that opens all.

do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'pourplan_run') then
        begin
            create role pourplan_run nologin noinherit;
        exception when duplicate_object or unique_violation then
            -- Roles belong to the server: another database of it was migrated at the same moment.
            null;
        end;
    end if;
    -- The login of Supabase's REST becomes whom a token names.
    if exists (select from pg_catalog.pg_roles where rolname = 'authenticator') then
        grant pourplan_run to authenticator;
    end if;
end
$$;
grant usage on schema public to pourplan_run;

create function internal.check_run_token(p_run_id uuid) returns void
language plpgsql stable security definer set search_path = ''
as $$
begin
    -- Here the current user is the function's owner; the setting still tells whom REST became.
    if (current_setting('role') = 'pourplan_run' or auth.jwt() ->> 'role' = 'pourplan_run')
        and (auth.jwt() ->> 'run_id') is distinct from p_run_id::text then
        raise exception 'The token does not open run %.', p_run_id using errcode = '42501';
    end if;
end
$$;
comment on function internal.check_run_token(uuid) is
    'Refuses whoever comes with a token of another run; who holds a key or a login of the jobs may pass.';
revoke all on function internal.check_run_token(uuid) from public, anon, authenticated, service_role;

create or replace function public.claim_run(
    p_run_id uuid, p_lease_seconds integer default 60, p_max_attempts integer default 3,
    p_call_id text default null
) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
    v_run public.plan_runs;
    v_lease public.plan_run_leases;
    v_token uuid := gen_random_uuid();
begin
    perform internal.check_run_token(p_run_id);
    select * into v_run from public.plan_runs where id = p_run_id for update;
    if not found then
        raise exception 'There is no run %.', p_run_id using errcode = 'PT404';
    end if;
    select * into v_lease from public.plan_run_leases where run_id = p_run_id for update;
    -- A call that claims what it holds already was interrupted and started again by whoever runs it.
    if v_run.status not in ('QUEUED', 'RUNNING')
        or (v_run.status = 'RUNNING' and v_lease.lease_expires_at > clock_timestamp()
            and (v_lease.call_id = p_call_id) is not true) then
        return null;
    end if;
    if v_run.attempt >= p_max_attempts then
        perform internal.fail_lost(p_run_id, v_run.attempt);
        return null;
    end if;
    update public.plan_run_leases
    set call_id = p_call_id, lease_token = v_token,
        lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
    where run_id = p_run_id;
    update public.plan_runs
    set status = 'RUNNING', attempt = attempt + 1, started_at = now(),
        phase = 'starting', percent = 0, best_objective = null, best_bound = null
    where id = p_run_id;
    return jsonb_build_object('kind', v_run.kind, 'problem', v_run.problem,
                              'lease_token', v_token, 'attempt', v_run.attempt + 1);
end
$$;

-- Asked first by progress_run, finish_run and fail_run.
create or replace function internal.hold_lease(p_run_id uuid, p_lease_token uuid) returns public.plan_runs
language plpgsql security definer set search_path = ''
as $$
declare
    v_run public.plan_runs;
begin
    perform internal.check_run_token(p_run_id);
    select * into v_run from public.plan_runs where id = p_run_id for update;
    if not found then
        raise exception 'There is no run %.', p_run_id using errcode = 'PT404';
    end if;
    if not exists (select from public.plan_run_leases
                   where run_id = p_run_id and lease_token = p_lease_token) then
        raise exception 'The lease on run % is not yours any more.', p_run_id using errcode = 'PT409';
    end if;
    return v_run;
end
$$;

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'public.claim_run(uuid, integer, integer, text)',
        'public.progress_run(uuid, uuid, text, double precision, double precision, double precision, integer)',
        'public.finish_run(uuid, uuid, jsonb)',
        'public.fail_run(uuid, uuid, text, text, text, text[])']
    loop
        execute format('grant execute on function %s to pourplan_run', signature);
    end loop;
end
$$;
