#include "tests/fakes/sql.h"

#include <sqlite3.h>

#include "tests/fakes/expect.h"

void sql_exec(const char *path, const char *text)
{
        sqlite3 *db = NULL;
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
}

char *sql_text(const char *path, const char *query)
{
        sqlite3 *db = NULL;
        sqlite3_stmt *s = NULL;
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, query, -1, &s, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
        char *text = alloc_string((const char *) sqlite3_column_text(s, 0));
        sqlite3_finalize(s);
        sqlite3_close(db);
        return text;
}
