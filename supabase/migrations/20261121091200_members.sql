-- Who joins and leaves a tenant: members, invitations by e-mail address, and keys for machines.

alter table public.tenant_members add column id uuid not null default gen_random_uuid() unique;
alter table public.tenant_members add column email text check (email = lower(email));
alter table public.tenant_members add column is_key boolean not null default false;
comment on column public.tenant_members.is_key is 'Whether a machine''s key is the member, and no person.';
comment on column public.tenant_members.email is
    'The verified address with which an invitation was accepted; null where there was none.';

create table public.tenant_invitations (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    email text not null check (email = lower(email) and email ~ '^[^@\s]+@[^@\s]+$' and char_length(email) <= 254),
    role text not null check (role in ('viewer', 'operator', 'planner', 'admin')),
    invited_by uuid not null default auth.uid(),
    invited_at timestamptz not null default now(),
    unique (tenant_id, email)
);
comment on table public.tenant_invitations is
    'Who may join a tenant: whoever signs in with this verified e-mail address.';
create index tenant_invitations_email on public.tenant_invitations (email);

-- A key acts as a member of its own: its id is the user's id there, and the same policies hold for it.
create table public.api_keys (
    id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null references public.tenants (id) on delete cascade,
    name text not null check (btrim(name) <> '' and char_length(name) <= 100),
    role text not null check (role in ('viewer', 'operator', 'planner')),
    created_by uuid not null default auth.uid(),
    created_at timestamptz not null default now(),
    last_used_at timestamptz,
    revoked_at timestamptz,
    unique (tenant_id, id)
);
comment on table public.api_keys is 'Keys for machines.';
create index api_keys_tenant on public.api_keys (tenant_id, created_at, id);

create table public.api_key_secrets (
    key_id uuid primary key,
    tenant_id uuid not null,
    sha256 text not null unique check (sha256 ~ '^[0-9a-f]{64}$'),
    foreign key (tenant_id, key_id) references public.api_keys (tenant_id, id) on delete cascade
);
comment on table public.api_key_secrets is 'By what a key is known: the hash of its secret, which is kept nowhere.';
create index api_key_secrets_key on public.api_key_secrets (tenant_id, key_id);

alter table public.tenant_invitations enable row level security;
alter table public.tenant_invitations force row level security;
alter table public.api_keys enable row level security;
alter table public.api_keys force row level security;
alter table public.api_key_secrets enable row level security;
alter table public.api_key_secrets force row level security;
revoke all on public.tenant_invitations, public.api_keys, public.api_key_secrets from public, anon, authenticated;
grant select on public.tenant_invitations, public.api_keys to authenticated;
create policy tenant_invitations_read on public.tenant_invitations for select to authenticated
    using (tenant_id = (select public.current_tenant_id()) and (select public.has_tenant_role('admin')));
create policy api_keys_read on public.api_keys for select to authenticated
    using (tenant_id = (select public.current_tenant_id()) and (select public.has_tenant_role('admin')));

-- ------------------------------------------------------------------ asked by admins

create function internal.administered_tenant() returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := public.current_tenant_id();
begin
    -- One at a time per tenant: two admins who remove each other must not leave it without any.
    perform from public.tenants where id = v_tenant for no key update;
    if not public.has_tenant_role('admin') then
        raise exception 'Only admins may manage members and keys.' using errcode = '42501';
    end if;
    return v_tenant;
end
$$;
comment on function internal.administered_tenant() is
    'The current tenant, locked, for whoever is its admin; refuses everybody else.';
revoke all on function internal.administered_tenant() from public, anon, authenticated;

create function internal.keep_an_admin(p_tenant_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
begin
    if not exists (select from public.tenant_members where tenant_id = p_tenant_id and role = 'admin') then
        raise exception 'The tenant would have no admin any more.' using errcode = 'PT409';
    end if;
end
$$;
revoke all on function internal.keep_an_admin(uuid) from public, anon, authenticated;

create function public.invite_member(p_email text, p_role text) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := internal.administered_tenant();
    v_email text := lower(btrim(p_email));
    v_invitation uuid;
begin
    if exists (select from public.tenant_members where tenant_id = v_tenant and email = v_email) then
        raise exception '% is a member already.', v_email using errcode = 'PT409';
    end if;
    insert into public.tenant_invitations (tenant_id, email, role) values (v_tenant, v_email, p_role)
    on conflict (tenant_id, email) do update
    set role = excluded.role, invited_by = excluded.invited_by, invited_at = now()
    returning id into v_invitation;
    return v_invitation;
end
$$;
comment on function public.invite_member(text, text) is
    'Lets whoever signs in with this verified e-mail address join the current tenant; said again, the role is '
    'the new one.';

create function public.withdraw_invitation(p_invitation_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := internal.administered_tenant();
begin
    delete from public.tenant_invitations where tenant_id = v_tenant and id = p_invitation_id;
    if not found then
        raise exception 'There is no invitation %.', p_invitation_id using errcode = 'PT404';
    end if;
end
$$;

create function public.change_member_role(p_member_id uuid, p_role text) returns void
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := internal.administered_tenant();
begin
    update public.tenant_members as m set role = p_role
    where m.tenant_id = v_tenant and m.id = p_member_id and not m.is_key;
    if not found then
        raise exception 'There is no member %.', p_member_id using errcode = 'PT404';
    end if;
    perform internal.keep_an_admin(v_tenant);
end
$$;

create function public.remove_member(p_member_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := internal.administered_tenant();
begin
    delete from public.tenant_members as m
    where m.tenant_id = v_tenant and m.id = p_member_id and not m.is_key;
    if not found then
        raise exception 'There is no member %.', p_member_id using errcode = 'PT404';
    end if;
    perform internal.keep_an_admin(v_tenant);
end
$$;

create function public.create_api_key(p_name text, p_role text, p_secret_sha256 text) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := internal.administered_tenant();
    v_key uuid;
begin
    insert into public.api_keys (tenant_id, name, role) values (v_tenant, btrim(p_name), p_role)
    returning id into v_key;
    insert into public.api_key_secrets (key_id, tenant_id, sha256) values (v_key, v_tenant, p_secret_sha256);
    insert into public.tenant_members (tenant_id, user_id, role, is_key) values (v_tenant, v_key, p_role, true);
    return v_key;
end
$$;
comment on function public.create_api_key(text, text, text) is
    'Makes a key of the current tenant from the hash of its secret, and gives its id.';

create function public.revoke_api_key(p_key_id uuid) returns void
language plpgsql security definer set search_path = ''
as $$
declare
    v_tenant uuid := internal.administered_tenant();
begin
    update public.api_keys set revoked_at = coalesce(revoked_at, now())
    where tenant_id = v_tenant and id = p_key_id;
    if not found then
        raise exception 'There is no key %.', p_key_id using errcode = 'PT404';
    end if;
    delete from public.tenant_members where tenant_id = v_tenant and user_id = p_key_id;
end
$$;

-- ------------------------------------------------------------------ asked by whoever signs in

create function public.accept_invitations(p_tenant text default null) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
    v_email text;
    v_joined integer;
begin
    -- The address comes from the accounts themselves: claims may hold one that nobody has verified.
    if to_regclass('auth.users') is null or auth.uid() is null then
        return 0;
    end if;
    execute 'select lower(email) from auth.users where id = $1 and email_confirmed_at is not null'
        into v_email using auth.uid();
    with accepted as (
        delete from public.tenant_invitations as i
        using public.tenants as t
        where i.email = v_email and t.id = i.tenant_id and (p_tenant is null or p_tenant in (t.slug, t.id::text))
        returning i.tenant_id, i.role
    ),
    joined as (
        insert into public.tenant_members (tenant_id, user_id, role, email)
        select tenant_id, auth.uid(), role, v_email from accepted
        on conflict (tenant_id, user_id) do nothing
        returning 1
    )
    select count(*) into v_joined from joined;
    return v_joined;
end
$$;
comment on function public.accept_invitations(text) is
    'Makes the caller a member of all tenants, or of the one named by slug or id, that invited the verified '
    'e-mail address of the account; gives how many were joined.';

-- ------------------------------------------------------------------ asked by the service

create function public.use_api_key(p_secret_sha256 text) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
    v_key public.api_keys;
begin
    select k.* into v_key
    from public.api_keys as k join public.api_key_secrets as s on s.key_id = k.id
    where s.sha256 = p_secret_sha256 and k.revoked_at is null;
    -- To the minute: a busy machine must not write with each of its requests.
    if v_key.last_used_at is null or v_key.last_used_at < now() - interval '1 minute' then
        update public.api_keys set last_used_at = now() where id = v_key.id;
    end if;
    return v_key.id;
end
$$;
comment on function public.use_api_key(text) is
    'The user that a key acts as, by the hash of its secret; null for one that is unknown or revoked.';

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'public.invite_member(text, text)', 'public.withdraw_invitation(uuid)',
        'public.change_member_role(uuid, text)', 'public.remove_member(uuid)',
        'public.create_api_key(text, text, text)', 'public.revoke_api_key(uuid)', 'public.accept_invitations(text)']
    loop
        execute format('revoke all on function %s from public, anon, service_role', signature);
        execute format('grant execute on function %s to authenticated', signature);
    end loop;
    revoke all on function public.use_api_key(text) from public, anon, authenticated, service_role;
    grant execute on function public.use_api_key(text) to pourplan_api;
end
$$;
