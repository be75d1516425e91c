; class, interface, enum and annotation classes are all class_declaration
(class_declaration "interface" name: (identifier) @name) @definition.interface
(class_declaration (modifiers (class_modifier "enum")) name: (identifier) @name) @definition.enum
(class_declaration name: (identifier) @name) @definition.class
(object_declaration name: (identifier) @name) @definition.object
(companion_object name: (identifier) @name) @definition.object
(type_alias type: (identifier) @name) @definition.type

(class_body (function_declaration name: (identifier) @name) @definition.method)
(enum_class_body (function_declaration name: (identifier) @name) @definition.method)
(function_declaration name: (identifier) @name) @definition.function
; a secondary constructor has no name of its own: it takes that of its class
(class_declaration name: (identifier) @name (class_body (secondary_constructor) @definition.constructor))

; Properties only where they stand directly in a type or a file: in blocks they are locals.
(class_body (property_declaration (variable_declaration (identifier) @name)) @definition.field)
(enum_class_body (property_declaration (variable_declaration (identifier) @name)) @definition.field)
(source_file (property_declaration (variable_declaration (identifier) @name)) @definition.variable)

(import (qualified_identifier) @import)

(call_expression . [(identifier) @call (navigation_expression (identifier) @call .)])
