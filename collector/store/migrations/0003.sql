-- Goals, groups, steps of funnels, depths of scrolling and next pages are kept too; a check cannot be changed in place.
alter table cell rename to cell_before;
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
insert into cell from cell_before;
drop table cell_before;
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
