-- The melt shop: product groups, steel grades, what was made, what is ordered, what is sequenced.

create table public.workbook_imports (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    kind text not null check (kind in (
        'STEEL_GRADE_PRODUCTION', 'PRODUCT_GROUPS_MONTHLY', 'DAILY_CHARGE_SCHEDULE', 'FOUNDRY', 'MULTISITE')),
    file_name text not null check (file_name <> '' and char_length(file_name) <= 255),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    size_bytes bigint not null check (size_bytes >= 0),
    rows_read integer not null check (rows_read >= 0),
    rows_stored integer not null check (rows_stored >= 0),
    report jsonb not null,
    imported_by uuid not null default auth.uid(),
    imported_at timestamptz not null default now(),
    unique (tenant_id, id)
);
comment on table public.workbook_imports is 'Every workbook that changed something: who brought it, when, what was said.';
comment on column public.workbook_imports.sha256 is 'Names the original file, which is kept.';
create index workbook_imports_newest on public.workbook_imports (tenant_id, imported_at desc, id);

create table public.product_groups (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    name text not null check (name = btrim(name) and name <> '' and char_length(name) <= 100),
    position integer not null,
    unique (tenant_id, name),
    unique (tenant_id, id)
);
comment on table public.product_groups is 'Groups of steel grades in which orders are placed; each grade belongs to one.';
comment on column public.product_groups.position is 'The order in which the plant''s own workbooks list the groups.';

create table public.steel_grades (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    product_group_id uuid,
    name text not null check (name = btrim(name) and name <> '' and char_length(name) <= 100),
    position integer not null,
    suspect boolean not null default false,
    suggestion text,
    merged_into_id uuid,
    unique (tenant_id, name),
    unique (tenant_id, id),
    foreign key (tenant_id, product_group_id) references public.product_groups (tenant_id, id),
    foreign key (tenant_id, merged_into_id) references public.steel_grades (tenant_id, id),
    check (merged_into_id <> id),
    check (not suspect or product_group_id is null)
);
comment on table public.steel_grades is
    'Steel grades. Never deleted: a grade that was merged into another still answers for its name in workbooks.';
comment on column public.steel_grades.suspect is 'Known from a charge schedule only; outside forecasts until its group is told.';
comment on column public.steel_grades.suggestion is 'Name of the known grade that a suspect one is probably meant to be.';
create index steel_grades_group on public.steel_grades (tenant_id, product_group_id);
create index steel_grades_merged on public.steel_grades (tenant_id, merged_into_id) where merged_into_id is not null;

create table public.steel_grade_production (
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    steel_grade_id uuid not null,
    month date not null check (extract(day from month) = 1),
    tons numeric(14, 3) not null check (tons >= 0),
    unit text not null check (unit in ('TON', 'SHORT_TON', 'LONG_TON', 'TONNE')),
    import_id uuid,
    primary key (tenant_id, steel_grade_id, month),
    foreign key (tenant_id, steel_grade_id) references public.steel_grades (tenant_id, id),
    foreign key (tenant_id, import_id) references public.workbook_imports (tenant_id, id)
);
comment on table public.steel_grade_production is 'Tons made per grade and month.';
comment on column public.steel_grade_production.unit is 'As the workbook''s title names it; TON where it names none.';
create index steel_grade_production_import on public.steel_grade_production (tenant_id, import_id);

create table public.product_group_monthly (
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    product_group_id uuid not null,
    month date not null check (extract(day from month) = 1),
    heats integer not null check (heats >= 0),
    import_id uuid,
    primary key (tenant_id, product_group_id, month),
    foreign key (tenant_id, product_group_id) references public.product_groups (tenant_id, id),
    foreign key (tenant_id, import_id) references public.workbook_imports (tenant_id, id)
);
comment on table public.product_group_monthly is 'The order forecast: heats per product group and month.';
create index product_group_monthly_month on public.product_group_monthly (tenant_id, month);
create index product_group_monthly_import on public.product_group_monthly (tenant_id, import_id);

create table public.charge_schedule (
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    scheduled_on date not null,
    start_time time(0) not null,
    steel_grade_id uuid not null,
    mould_size text check (mould_size <> '' and char_length(mould_size) <= 100),
    import_id uuid,
    primary key (tenant_id, scheduled_on, start_time),
    foreign key (tenant_id, steel_grade_id) references public.steel_grades (tenant_id, id),
    foreign key (tenant_id, import_id) references public.workbook_imports (tenant_id, id)
);
comment on table public.charge_schedule is 'Heats that are already sequenced: a day, a start time, a grade, the mould it is cast into.';
create index charge_schedule_grade on public.charge_schedule (tenant_id, steel_grade_id);
create index charge_schedule_import on public.charge_schedule (tenant_id, import_id);

-- One shape of policy for all of them: everybody of the tenant reads, planners write.
do $$
declare
    name text;
begin
    foreach name in array array['workbook_imports', 'product_groups', 'steel_grades', 'steel_grade_production',
                                'product_group_monthly', 'charge_schedule']
    loop
        execute format('alter table public.%I enable row level security', name);
        execute format('alter table public.%I force row level security', name);
        execute format('revoke all on public.%I from public, anon, authenticated', name);
        execute format('grant select, insert, update, delete on public.%I to authenticated', name);
        execute format('create policy %I on public.%I for select to authenticated'
            ' using (tenant_id = (select public.current_tenant_id()))', name || '_read', name);
        execute format('create policy %I on public.%I for insert to authenticated'
            ' with check (tenant_id = (select public.current_tenant_id())'
            ' and (select public.has_tenant_role(''planner'')))', name || '_add', name);
        execute format('create policy %I on public.%I for update to authenticated'
            ' using (tenant_id = (select public.current_tenant_id())'
            ' and (select public.has_tenant_role(''planner'')))'
            ' with check (tenant_id = (select public.current_tenant_id())'
            ' and (select public.has_tenant_role(''planner'')))', name || '_change', name);
        execute format('create policy %I on public.%I for delete to authenticated'
            ' using (tenant_id = (select public.current_tenant_id())'
            ' and (select public.has_tenant_role(''planner'')))', name || '_remove', name);
    end loop;
end
$$;

-- The record of an import is evidence, and grades and groups are what results point at: none is removed or rewritten.
revoke update, delete on public.workbook_imports from authenticated;
drop policy workbook_imports_change on public.workbook_imports;
drop policy workbook_imports_remove on public.workbook_imports;
revoke delete on public.product_groups, public.steel_grades from authenticated;
drop policy product_groups_remove on public.product_groups;
drop policy steel_grades_remove on public.steel_grades;
drop policy workbook_imports_add on public.workbook_imports;
create policy workbook_imports_add on public.workbook_imports for insert to authenticated
    with check (tenant_id = (select public.current_tenant_id()) and (select public.has_tenant_role('planner'))
                and imported_by = (select auth.uid()));
