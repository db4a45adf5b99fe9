-- Lists of keys travel as one JSON text, and both databases read them in the same words: `select value from json_each($1)`.
create function json_each(list text) returns table (value text) language sql immutable
    as 'select json_array_elements_text(cast(list as json))';
