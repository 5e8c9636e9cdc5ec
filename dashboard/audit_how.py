"""What a check did to answer its question, in one or two sentences for somebody who is no programmer.

What it cannot show stands in docs/audit.md.
"""

from typing import Final

from dashboard.metrics import mark

HOW: Final = {
    "R1": mark(
        "Tables, columns, addresses and commands are laid beside a list that the auditor keeps apart; what is"
        " not on it is named."
    ),
    "R2": mark(
        "Visitors sent twenty extra fields. None may be kept; those that identify somebody must be counted by name."
    ),
    "R3": mark("Visitors sent marks behind ? and #, and every file was searched for them."),
    "R4": mark(
        "Visitors opened pages with numbers, e-mail addresses and codes in their address. Each must be kept "
        "as :id, and the name that one visitor opened not at all."
    ),
    "R5": mark(
        "Pages below two sensitive routes were opened. No row may name them. In what is kept, telling words "
        "are looked for in paths that are not marked."
    ),
    "R6": mark("Visitors came from a page with marks in its address. Only its host may be kept."),
    "R7": mark("Visitors sent a mark for each of 26 click ids, and every file was searched for them."),
    "R8": mark("Every place that is kept was read: two letters each."),
    "R9": mark(
        "What is kept was laid beside the auditor's own list, and an invented browser was sent: it must not be kept."
    ),
    "R10": mark("A real browser opened a page of a made-up school. Traps noted all that the script touched."),
    "R11": mark(
        "The same browser held a session cookie. What it sent was read: no cookie and no page address may be in it."
    ),
    "R12": mark(
        "Events were sent for an unknown site, for one that is off, and for the same one switched on. Only "
        "the last may count (202)."
    ),
    "R13": mark("The same visitors came to several sites. Each site must have a salt of its own."),
    "R14": mark(
        "A day was closed in a scratch house. Before, the search found the salts in memory; after, neither "
        "memory nor files may hold one."
    ),
    "R15": mark(
        "Clients that differ in finer things only must be taken for one visitor; those that differ in one "
        "part of the key for several."
    ),
    "R16": mark(
        "One network was sent in six notations and must count as one visitor. Settings that keep more must be refused."
    ),
    "R17": mark("The address was searched for in every file as text, number and bytes, the user agent by marks."),
    "R18": mark("No column may hold a number of somebody. Visitors sent one in 47 fields: no file may hold it."),
    "R20": mark("Each column of the database was laid beside the inventory, in both directions."),
    "R21": mark("Each row states how many visitors it stands for; none may be below the threshold of its day."),
    "R22": mark(
        "An outsider subtracts published figures from each other, in every way the program knows, to find a "
        "group below the threshold."
    ),
    "R24": mark("Every time that is kept was read: whole hours, and hours for totals only."),
    "R25": mark("While a day ran, every file was searched for its pages and sources."),
    "R26": mark(
        "Time and bounces may stand only where there are twice as many visitors as the threshold, and half an"
        " hour a visit at most."
    ),
    "R27": mark("A site was erased in a scratch house. Its marks were in the files before, and may be in none after."),
    "R28": mark("A site was erased; the export and the days of another were compared before and after, byte by byte."),
    "R29": mark("The age of the oldest figure was held against the retention period."),
    "R30": mark("The age of the oldest figure by the hour was held against 62 days."),
    "R32": mark("The log was written at its most talkative level and searched for all marks."),
    "R33": mark("The backups were looked at, and one was made, opened and read in a scratch house."),
    "R34": mark("The program ran without a network: whatever it wanted to send elsewhere was counted."),
    "R35": mark("The database was read: no other database, no foreign table and no link to one may be there."),
    "R36": mark(
        "The list of sub-processors was read. Where a proxy of somebody else is trusted, the list may not be empty."
    ),
    "R37": mark("Every page and export was compared with what is kept, figure by figure."),
    "R38": mark("The text for visitors was read in Dutch, for pupils and in English: nothing may be left to fill in."),
    "R39": mark("The public page was compared with what the auditor computes from the settings."),
    "R40": mark("Every page and text was read for claims that no program can keep."),
    "R41": mark(
        "Visitors sent 64 marks in every field of a request. Files, exports, log and a backup were searched "
        "for them in every spelling."
    ),
    "R42": mark("A real browser clicked the opt-out once; after that nothing may be sent."),
    "R43": mark("Requests with and without both signals were sent: with one nothing may count."),
    "R44": mark("Addresses, commands and columns by which somebody could be looked up were looked for and tried."),
    "R45": mark(
        "A site that counts was switched off and sent an event; the seconds until it was refused were measured."
    ),
    "R46": mark(
        "Requests that are too large or malformed must be refused, and so must a rush on one site; each page must "
        "carry its protection."
    ),
    "R47": mark(
        "Visitors claimed other addresses, in every way there is. Only what a proxy of the settings says may "
        "be believed."
    ),
    "R48": mark(
        "Every page that is not public was asked for from elsewhere, under false names and as each role. The cookie "
        "of a sign-in, its end and wrong passwords were tried. Files must be closed to others."
    ),
    "R49": mark(
        "The running process and the swap of the machine were read, and a scratch house was made to fail, to "
        "read what its errors say."
    ),
    "R50": mark("The file was fetched and read: the contact must be that of the settings, and the date in the future."),
    "R51": mark(
        "Sites that are on, and every entry that switched one on, were held against controller, agreement and date."
    ),
    "R52": mark("The log of settings was read for everything that became looser: each needs a name and a reason."),
    "R53": mark("Each figure must belong to one site, and a sum must be that of the sites that were named."),
    "R54": mark("The chain of the log was computed anew, and each day must name settings that stand in it."),
    "R55": mark("The register was made and read: no field may be empty."),
}
