(function_definition name: (word) @name) @definition.function

(program (variable_assignment name: (variable_name) @name) @definition.variable)
(program (declaration_command (variable_assignment name: (variable_name) @name) @definition.variable))

(command name: (command_name) @_command . argument: (_) @import (#any-of? @_command "source" "."))

; Where the grammar loses its way (a "#" in an expansion), reserved words come out as commands.
((command name: (command_name (word) @call))
 (#not-match? @call "^(if|then|elif|else|fi|for|while|until|do|done|case|esac)$"))
