-- Which days the charge schedule covers: a day on which nothing is charged has no heats to tell it by.

create table public.charge_schedule_days (
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    scheduled_on date not null,
    import_id uuid,
    primary key (tenant_id, scheduled_on),
    foreign key (tenant_id, import_id) references public.workbook_imports (tenant_id, id)
);
comment on table public.charge_schedule_days is
    'Days that a charge schedule names, idle ones included: their heats are known, be they none.';
comment on column public.charge_schedule_days.import_id is 'The import that named the day first; null where its heats alone tell.';
create index charge_schedule_days_import on public.charge_schedule_days (tenant_id, import_id);

insert into public.charge_schedule_days (tenant_id, scheduled_on, import_id)
select distinct on (c.tenant_id, c.scheduled_on) c.tenant_id, c.scheduled_on, c.import_id
from public.charge_schedule as c
left join public.workbook_imports as i on i.tenant_id = c.tenant_id and i.id = c.import_id
order by c.tenant_id, c.scheduled_on, i.imported_at nulls last, c.import_id;

alter table public.charge_schedule_days enable row level security;
alter table public.charge_schedule_days force row level security;
revoke all on public.charge_schedule_days from public, anon, authenticated;
grant select, insert, update, delete on public.charge_schedule_days to authenticated;
create policy charge_schedule_days_read on public.charge_schedule_days for select to authenticated
    using (tenant_id = (select public.current_tenant_id()));
create policy charge_schedule_days_add on public.charge_schedule_days for insert to authenticated
    with check (tenant_id = (select public.current_tenant_id()) and (select public.has_tenant_role('planner')));
create policy charge_schedule_days_change on public.charge_schedule_days for update to authenticated
    using (tenant_id = (select public.current_tenant_id()) and (select public.has_tenant_role('planner')))
    with check (tenant_id = (select public.current_tenant_id()) and (select public.has_tenant_role('planner')));
create policy charge_schedule_days_remove on public.charge_schedule_days for delete to authenticated
    using (tenant_id = (select public.current_tenant_id()) and (select public.has_tenant_role('planner')));
