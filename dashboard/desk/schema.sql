-- What the dashboard keeps beside the figures, in `desk.sqlite`: who may look and what they wrote. No visitor stands
-- here, no auditor's copy of the history holds it, and a site's rows go when the site is erased.

create table account (
    name         text primary key check (length(name) between 1 and 100),
    role         text not null check (role in ('viewer', 'auditor', 'controller', 'operator')),
    sites        text not null check (json_valid(sites)),      -- ids as a JSON list; null for every site
    password     text not null,                                -- argon2id
    second       text not null default '',                     -- secret of the second step (TOTP); empty for none
    second_step  integer not null default 0,                   -- step that was used last; none is taken twice
    language     text not null default '',
    made_at      text not null,
    is_handed    integer not null default 0,                   -- somebody else made the password: it is to be changed
    is_off       integer not null default 0
) strict;

create table deed (
    id           integer primary key,
    made_at      text not null,
    made_by      text not null,                                -- an account, or `command line`
    account      text not null,                                -- whose; stays when the account goes
    what         text not null,                                -- `made`, `role`, `sites`, `password`, …
    detail       text not null                                 -- role, or ids of sites (`*` for every one)
) strict;

create table sign_in (
    hash         text primary key,                             -- SHA-256 of what the browser holds
    account      text not null references account on delete cascade,
    form_key     text not null,                                -- what a form must bring along
    made_at      text not null,
    expires_at   text not null
) strict;

create table token (
    hash         text primary key,                             -- SHA-256 of what the program holds
    name         text not null check (length(name) between 1 and 100),
    site         text not null,
    scopes       text not null check (json_valid(scopes)),     -- JSON list of `figures`, `export`, `notes`
    made_by      text not null,
    made_at      text not null,
    expires_at   text,
    used_on      text                                          -- day only
) strict;

create table link (
    hash         text primary key,                             -- SHA-256 of the secret part of the address
    name         text not null check (length(name) between 1 and 100),
    site         text not null,
    password     text not null default '',                     -- argon2id; empty for none
    is_embed     integer not null default 0,                   -- to be shown inside other pages, and nowhere else
    may_export   integer not null default 0,
    made_by      text not null,
    made_at      text not null,
    expires_at   text not null
) strict;

create table note (
    id           integer primary key,
    site         text not null,
    day          text not null,                                -- local date of the site
    text         text not null check (length(text) between 1 and 200),
    made_by      text not null,
    made_at      text not null
) strict;

create table mailing (
    id           integer primary key,
    site         text not null,
    every        text not null check (every in ('week', 'month')),
    receiver     text not null check (length(receiver) between 3 and 320),
    language     text not null check (language in ('nl', 'en')),
    made_by      text not null,
    made_at      text not null,
    sent_until   text not null,                                -- last day that a mail told of, or the eve of the first
    stop         text not null unique,                         -- in the address that stops it; opens nothing else
    tries        integer not null default 0,                   -- in vain, of the mail that is due
    tried_at     text not null default '',
    failed       text not null default ''                      -- code of what went wrong; names nobody
) strict;

create table taken (
    id           integer primary key,
    made_at      text not null,
    who          text not null,
    way          text not null,
    site         text not null,
    what         text not null                                 -- panel, `all cells`, `api`, `mail`
) strict;
