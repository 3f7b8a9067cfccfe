"""What must be refused, each row named with the test that tries it.

The tests of this folder try what one tenant could do to another through every door of the API, walking the
schema, so that a new mutation, query argument, type or route fails here until it is tried as well.
"""

REFUSED = {
    "alg none": "tests/api/test_tokens.py::test_a_token_without_a_signature_is_refused",
    "HS256 with a public key as secret": "tests/api/test_tokens.py::test_a_public_key_is_no_shared_secret",
    "other issuer": "tests/api/test_tokens.py::test_a_token_that_is_not_for_us_is_refused",
    "other audience": "tests/api/test_tokens.py::test_a_token_that_is_not_for_us_is_refused",
    "expired": "tests/api/test_tokens.py::test_a_token_of_another_time_is_refused",
    "not yet valid": "tests/api/test_tokens.py::test_a_token_of_another_time_is_refused",
    "unknown kid": "tests/api/test_tokens.py::test_a_key_that_the_project_does_not_publish_is_refused",
    "a foreign key under a known kid": (
        "tests/api/test_tokens.py::test_a_foreign_key_under_a_published_id_is_refused"
    ),
    "a key that the token brings along": (
        "tests/api/test_tokens.py::test_a_key_that_comes_in_the_token_is_not_believed"
    ),
    "tampered payload": "tests/api/test_tokens.py::test_an_edited_payload_is_refused",
    "a member's claims edited": (
        "tests/peers/test_supabase_sign_in.py::test_claims_that_a_user_may_edit_give_no_power"
    ),
    "an address that is only claimed": (
        "tests/peers/test_supabase_members.py::test_an_address_that_is_only_claimed_joins_nothing"
    ),
    "service functions called by a user, in the database": (
        "tests/supabase/test_security.py::test_what_is_for_jobs_is_refused_to_everybody_else"
    ),
    "service functions called by a user, by REST": (
        "tests/peers/test_supabase_jobs.py::test_no_user_may_execute_what_is_for_jobs"
    ),
    "another tenant's ids in every mutation": (
        "tests/api/attacks/test_mutations.py::test_an_id_of_another_tenant_is_as_good_as_made_up"
    ),
    "another tenant named in every mutation": (
        "tests/api/attacks/test_mutations.py::test_naming_another_tenant_changes_nothing_there"
    ),
    "another tenant's ids in node(id)": (
        "tests/api/attacks/test_reads.py::test_a_query_tells_nothing_of_another_tenants_id"
    ),
    "another tenant's run in a subscription": (
        "tests/api/attacks/test_reads.py::test_a_subscription_tells_nothing_of_another_tenants_id"
    ),
    "another tenant's file by a download link": (
        "tests/api/attacks/test_doors.py::test_a_link_opens_nothing_of_another_tenant"
    ),
    "an API key that names another tenant": (
        "tests/api/attacks/test_doors.py::test_a_key_opens_its_own_tenant_alone"
    ),
    "storage paths of another tenant": (
        "tests/peers/test_supabase_storage.py::test_a_member_reads_the_own_tenants_files_and_no_others"
    ),
    "storage written by a user": (
        "tests/peers/test_supabase_storage.py::test_nobody_but_the_service_writes_or_removes"
    ),
    "path traversal in file names": ("tests/api/attacks/test_doors.py::test_a_file_name_leads_nowhere"),
    "path traversal in places of files": (
        "tests/peers/test_supabase_storage.py::test_a_path_is_made_of_a_sha256_alone"
    ),
}
"""What is tried, and the test that tries it."""
