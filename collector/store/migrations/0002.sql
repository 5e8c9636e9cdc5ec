-- A gap may also say that an older history took the place of a newer one.
create table gap_before as from gap;
drop table gap;
create table gap (
    timezone    varchar   not null check (length(timezone) <= 64),
    day         date      not null,
    epoch_part  usmallint not null,
    reason      varchar   not null check (reason in ('keys_lost', 'spool_damaged', 'history_older')),
    noticed_at  timestamp not null
);
insert into gap from gap_before;
drop table gap_before;
comment on column gap.timezone is 'key | IANA name | whose day';
comment on column gap.day is 'time | local date | which day';
comment on column gap.epoch_part is 'time | number | which epoch of the day';
comment on column gap.reason is 'reason | word | what was lost';
comment on column gap.noticed_at is 'time | UTC instant | when the house noticed';
comment on column closed.outcome is 'result | word | kept, below k (no figure), or lost with the machine''s keys or with a newer history';
