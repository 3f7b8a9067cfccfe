-- What /metrics reads at each scrape is counted from an index, and what-ifs, which wait for hours by design, hide
-- nobody's Monday.
create index plan_runs_kind_status on public.plan_runs (kind, status);

create or replace function public.run_statistics()
returns table (kind text, status text, runs bigint, oldest_seconds double precision)
language sql stable security definer set search_path = ''
as $$
    select c.kind, c.status, c.runs,
           case when c.status = 'QUEUED' then (
               select extract(epoch from now() - min(r.requested_at))::double precision
               from public.plan_runs as r
               where r.kind = c.kind and r.status = 'QUEUED' and r.batch_id is null) end
    from (select p.kind, p.status, count(*) as runs from public.plan_runs as p group by p.kind, p.status) as c
$$;
comment on function public.run_statistics() is
    'Runs by kind and status over all tenants, for /metrics; of queued ones, how long the oldest that is of no batch '
    'has waited.';
