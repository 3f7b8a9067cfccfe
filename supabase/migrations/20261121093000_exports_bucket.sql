-- The bucket of exported plans and forecasts, `<tenant>/<run>.<format>`, where the project has Storage.
-- The service alone writes, with the secret key; a member reads the files of the own tenants.
do $$
begin
    if to_regclass('storage.objects') is null or to_regclass('storage.buckets') is null then
        return;
    end if;
    insert into storage.buckets (id, name, public) values ('exports', 'exports', false)
    on conflict (id) do update set public = false;
    create policy exports_read on storage.objects for select to authenticated
        using (bucket_id = 'exports' and exists (
            select from public.tenant_members as m
            where m.user_id = (select auth.uid()) and m.tenant_id::text = split_part(name, '/', 1)));
end
$$;
