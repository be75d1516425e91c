(section . (atx_heading heading_content: (inline) @name)) @definition.section
; underlined headings begin no section in this grammar
(setext_heading heading_content: (paragraph) @name) @definition.section
