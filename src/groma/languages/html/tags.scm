; headings; an id is a symbol
(element (start_tag (tag_name) @_heading) . [(text) @name (element (text) @name)] (#match? @_heading "^[hH][1-6]$")) @definition.section
(element (start_tag (attribute (attribute_name) @_id [(attribute_value) @name (quoted_attribute_value (attribute_value) @name)]) (#eq? @_id "id"))) @definition.field
(script_element (start_tag (tag_name) @name) (raw_text) @_code (#match? @_code "[^\\s\\x1c-\\x1f]")) @definition.section
(style_element (start_tag (tag_name) @name) (raw_text)) @definition.section

(script_element (start_tag (attribute (attribute_name) @_src (quoted_attribute_value (attribute_value) @import)) (#eq? @_src "src")))
(element (start_tag (tag_name) @_link (attribute (attribute_name) @_href (quoted_attribute_value (attribute_value) @import))) (#eq? @_link "link") (#eq? @_href "href"))
