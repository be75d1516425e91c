; of selectors on several lines the first stands for all
(rule_set (selectors) @name (#not-match? @name "\n")) @definition.section
(rule_set (selectors . (_) @name) @_all (#match? @_all "\n")) @definition.section
(media_statement . (_) @name) @definition.section
(supports_statement . (_) @name) @definition.section
(keyframes_statement (keyframes_name) @name) @definition.section
(at_rule . (at_keyword) @name) @definition.section

(import_statement . [(string_value (string_content) @import) (call_expression (arguments (string_value (string_content) @import)))])
