-- Everything that Turven keeps, and the contract with the auditor.
-- Every column carries a comment 'role | unit | reason'; `turven audit R20` prints them from the database itself.
-- No table holds a visitor, an address, a user agent, a query or a time finer than an hour.

create table schema_version (
    version     usmallint not null,
    applied_at  timestamp not null
);

create table site (
    id          varchar not null check (regexp_full_match(id, '[a-z0-9][a-z0-9._-]{0,63}')),
    record      varchar not null check (json_valid(record)),
    changed_at  timestamp not null
);

create table settings_log (
    seq         uinteger  not null,
    made_at     timestamp not null,
    site        varchar   not null check (regexp_full_match(site, '([a-z0-9][a-z0-9._-]{0,63})?')),
    change      varchar   check (change is null or json_valid(change)),
    made_by     varchar   check (length(made_by) <= 200),
    reason      varchar   check (length(reason) <= 1000),
    salt        varchar   check (salt is null or regexp_full_match(salt, '[0-9a-f]{64}')),
    content     varchar   not null check (regexp_full_match(content, '[0-9a-f]{64}')),
    previous    varchar   not null check (regexp_full_match(previous, '[0-9a-f]{64}')),
    hash        varchar   not null check (regexp_full_match(hash, '[0-9a-f]{64}'))
);

create table closed (
    site        varchar   not null check (regexp_full_match(site, '[a-z0-9][a-z0-9._-]{0,63}')),
    day         date      not null,
    part        usmallint not null check (part >= 1),
    outcome     varchar   not null check (outcome in ('kept', 'below_k', 'lost')),
    origin      varchar   not null check (origin in ('tracker', 'server_log')),
    identity    varchar   not null check (identity in ('network', 'browser')),
    profile     varchar   not null check (profile in ('strict', 'standard', 'open')),
    k           usmallint not null check (k >= 5),
    settings    varchar   not null check (regexp_full_match(settings, '[0-9a-f]{64}')),
    closed_at   timestamp not null,
    epoch_part  usmallint not null,
    spool       varchar   not null check (json_valid(spool))
);

create table cell (
    site             varchar   not null check (regexp_full_match(site, '[a-z0-9][a-z0-9._-]{0,63}')),
    day              date      not null,
    part             usmallint not null check (part >= 1),
    filter_dimension varchar   not null check (filter_dimension in ('', 'page', 'source', 'browser', 'os', 'device', 'country', 'goal', 'group')),
    filter_value     varchar   not null check (length(filter_value) <= 300 and not regexp_matches(filter_value, '[?#;@%]')),
    dimension        varchar   not null check (dimension in ('total', 'hour', 'page', 'entry_page', 'exit_page', 'source', 'channel', 'campaign', 'browser', 'browser_major', 'os', 'device', 'viewport', 'country', 'language', 'event', 'property', 'scroll', 'goal', 'group', 'funnel_step', 'next_page')),
    value            varchar   not null check (length(value) <= 300 and not regexp_matches(value, '[?#;@%]')),
    pageviews        uinteger,
    visits           uinteger,
    visitors         uinteger,
    bounces          uinteger,
    seconds          ubigint,
    events           uinteger,
    contributors     usmallint not null check (contributors >= 5)
);

create table committed_hour (
    site         varchar   not null check (regexp_full_match(site, '[a-z0-9][a-z0-9._-]{0,63}')),
    day          date      not null,
    part         usmallint not null check (part >= 1),
    first_hour   utinyint  not null check (first_hour <= 23),
    last_hour    utinyint  not null check (last_hour between first_hour and 23),
    pageviews    uinteger  not null,
    visitors     uinteger  not null,
    contributors usmallint not null check (contributors >= 5)
);

create table dropped (
    site        varchar   not null check (regexp_full_match(site, '([a-z0-9][a-z0-9._-]{0,63})?') and (site = '' or reason <> 'opt_out')),
    day         date      not null,
    part        usmallint not null,
    reason      varchar   not null check (regexp_full_match(reason, 'bot|opt_out|unknown_site|site_off|host|invalid|late|overload|refused:[a-z_]{1,20}')),
    count       uinteger  not null check (count > 0 and count % if(reason = 'opt_out', 100, 10) = 0)
);

create table gap (
    timezone    varchar   not null check (length(timezone) <= 64),
    day         date      not null,
    epoch_part  usmallint not null,
    reason      varchar   not null check (reason in ('keys_lost', 'spool_damaged', 'history_older')),
    noticed_at  timestamp not null
);

comment on column schema_version.version is 'version | number | tells which migrations this file has had';
comment on column schema_version.applied_at is 'time | UTC instant | tells when';

comment on column site.id is 'key | name | tells sites apart';
comment on column site.record is 'setting | JSON | what the controller has switched on: hosts, agreement, profile, identity; no visitor data';
comment on column site.changed_at is 'time | UTC instant | when the record last changed';

comment on column settings_log.seq is 'order | number | a missing entry shows';
comment on column settings_log.made_at is 'time | UTC instant | when the change was made';
comment on column settings_log.site is 'key | name | which site; empty for the house';
comment on column settings_log.change is 'setting | JSON | what changed; null once erased, the chain still holds';
comment on column settings_log.made_by is 'actor | name | who made the change; a role of the operator or controller, never a visitor';
comment on column settings_log.reason is 'reason | sentence | why it was made';
comment on column settings_log.salt is 'salt | 256 bits hex | lets contents be erased and the chain stay; null once erased';
comment on column settings_log.content is 'hash | SHA-256 hex | salted hash of the entry';
comment on column settings_log.previous is 'hash | SHA-256 hex | hash of the entry before; zeros for the first';
comment on column settings_log.hash is 'hash | SHA-256 hex | hash of seq, made_at, site, content and previous';

comment on column closed.site is 'key | name | which site';
comment on column closed.day is 'time | local date | which day';
comment on column closed.part is 'time | number | which part of the day; each part obeys k alone';
comment on column closed.outcome is 'result | word | kept, below k (no figure), or lost with the machine''s keys or with a newer history';
comment on column closed.origin is 'result | word | tracker, or a server log (opt-outs unknown)';
comment on column closed.identity is 'setting | word | what told visitors apart that day';
comment on column closed.profile is 'setting | word | profile in force';
comment on column closed.k is 'setting | visitors | threshold in force';
comment on column closed.settings is 'hash | SHA-256 hex | head of the settings log in force when the part closed';
comment on column closed.closed_at is 'time | UTC instant | when the part was closed';
comment on column closed.epoch_part is 'marker | number | epoch whose spool files were counted';
comment on column closed.spool is 'marker | JSON of file id to bytes | how far each spool file was counted, so that nothing is counted twice';

comment on column cell.site is 'key | name | which site';
comment on column cell.day is 'time | local date | which day; no finer time is kept except whole hours of totals';
comment on column cell.part is 'time | number | which part of the day';
comment on column cell.filter_dimension is 'dimension | word | empty for a single breakdown, else the first of a pair';
comment on column cell.filter_value is 'dimension | label | value of the filter dimension that at least k visitors had';
comment on column cell.dimension is 'dimension | word | what is counted by';
comment on column cell.value is 'dimension | label | a closed list, a cleaned path, a host or what the controller declared (a goal, a prefix, a step) that at least k visitors had; (other) for the rest; HH-HH for hours';
comment on column cell.pageviews is 'measure | pageviews | how often pages were seen; null is withheld';
comment on column cell.visits is 'measure | visits | visits begun or, for pages, that saw it; null is withheld';
comment on column cell.visitors is 'measure | visitors | distinct visitors of this day and part; where a goal, a group or a next page is read by something else, rounded down to a multiple of k; null is withheld';
comment on column cell.bounces is 'measure | visits | visits of one page without an event; null below 2k or withheld';
comment on column cell.seconds is 'measure | seconds | engaged time, at most 1800 a visit; null below 2k or withheld';
comment on column cell.events is 'measure | events | events that pages reported; null is withheld';
comment on column cell.contributors is 'witness | visitors | min(distinct visitors, 2k), for pairs min(distinct visitors, k): shows that the k rule was kept';

comment on column committed_hour.site is 'key | name | which site';
comment on column committed_hour.day is 'time | local date | which day';
comment on column committed_hour.part is 'time | number | which part of the day';
comment on column committed_hour.first_hour is 'time | local hour | first hour of the block';
comment on column committed_hour.last_hour is 'time | local hour | last hour of the block';
comment on column committed_hour.pageviews is 'measure | pageviews | site total of the block, so that a power cut costs detail and not totals';
comment on column committed_hour.visitors is 'measure | visitors | rounded down to a multiple of k while the day runs';
comment on column committed_hour.contributors is 'witness | visitors | min(distinct visitors, 2k)';

comment on column dropped.site is 'key | name | which site; empty for signals counted for the whole house';
comment on column dropped.day is 'time | local date | which day';
comment on column dropped.part is 'time | number | which part of the day';
comment on column dropped.reason is 'reason | word | why requests were not counted, or the name of an identifier field that was removed';
comment on column dropped.count is 'measure | requests | in tens; opt-outs in hundreds';

comment on column gap.timezone is 'key | IANA name | whose day';
comment on column gap.day is 'time | local date | which day';
comment on column gap.epoch_part is 'time | number | which epoch of the day';
comment on column gap.reason is 'reason | word | what was lost';
comment on column gap.noticed_at is 'time | UTC instant | when the house noticed';
