-- A run's last progress tells the figures of the plan that is stored: the search may have found a better one
-- since it was last asked how far it is.
create or replace function public.finish_run(p_run_id uuid, p_lease_token uuid, p_result jsonb) returns void
language plpgsql security definer set search_path = '' set statement_timeout = '60s'
as $$
declare
    v_run public.plan_runs := internal.hold_lease(p_run_id, p_lease_token);
    v_summary jsonb := p_result #> '{plan,summary}';
begin
    -- The answer to a first call may have been lost on its way; saying it again is harmless.
    if v_run.status = 'SUCCEEDED' then
        return;
    end if;
    if v_run.status <> 'RUNNING' then
        raise exception 'Run % is % and takes no result.', p_run_id, v_run.status using errcode = 'PT409';
    end if;
    execute format('select internal.store_%s_result($1, $2)', lower(v_run.kind)) using v_run, p_result;
    update public.plan_runs
    set status = 'SUCCEEDED', finished_at = now(), phase = 'done', percent = 100,
        best_objective = coalesce((v_summary ->> 'objective')::double precision, best_objective),
        best_bound = coalesce((v_summary ->> 'bound')::double precision, best_bound),
        warnings = array(select jsonb_array_elements_text(coalesce(p_result -> 'warnings', '[]')))
    where id = p_run_id;
end
$$;

update public.plan_runs as r
set best_objective = p.objective, best_bound = p.bound
from public.replans as p
where p.run_id = r.id and (r.best_objective, r.best_bound) is distinct from (p.objective, p.bound);
