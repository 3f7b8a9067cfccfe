-- Names of scenarios are on one line, as workbooks read them: who types a name again finds its scenario.

do $$
declare
    v_scenario record;
    v_name text;
begin
    for v_scenario in
        select id, tenant_id, archived_at, regexp_replace(name, '[\u0001-\u0020\u007f-\u009f]+', ' ', 'g') as on_one_line
        from public.scenarios where name ~ '[\u0001-\u001f\u007f-\u009f]|  '
    loop
        v_name := btrim(v_scenario.on_one_line);
        if v_name = '' or v_scenario.archived_at is null and exists (
            select from public.scenarios
            where tenant_id = v_scenario.tenant_id and name = v_name and archived_at is null) then
            v_name := btrim(left(v_name, 190)) || ' ' || left(v_scenario.id::text, 8);
        end if;
        update public.scenarios set name = btrim(v_name) where id = v_scenario.id;
    end loop;
end
$$;

alter table public.scenarios
    add constraint scenarios_name_on_one_line check (name !~ '[\u0001-\u001f\u007f-\u009f]|  ');
