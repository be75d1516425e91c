; markup between the blocks has no names; what lies in a script is text to this grammar
(script_element (start_tag (tag_name) @name)) @definition.section
(style_element (start_tag (tag_name) @name)) @definition.section
(snippet_statement (snippet_start (snippet_name) @name)) @definition.function
