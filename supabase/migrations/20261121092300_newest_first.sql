-- Lists of the newest ones break ties by descending id: an index that does the same is read without a sort.
drop index public.workbook_imports_newest;
create index workbook_imports_newest on public.workbook_imports (tenant_id, imported_at desc, id desc);
drop index public.plan_runs_newest;
create index plan_runs_newest on public.plan_runs (tenant_id, requested_at desc, id desc);
