/* sql: a second hand at a database file, for tests of what happens when somebody changed it. Includes nothing of SQLite, whose home is
 * issuer/store. */
#pragma once

void sql_exec(const char *path, const char *text);
/* First column of the first row; the caller frees it. */
char *sql_text(const char *path, const char *query);
