(function_definition name: (word) @name) @definition.function

(command name: (command_name) @_command argument: (_) @import (#any-of? @_command "source" "."))
