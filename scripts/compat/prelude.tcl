# Runs one file of Redis's Tcl suite so that nothing in it can hide the rest, and tells what happened
# as lines on standard output. Started by scripts/compat.ts, in a folder that looks like Redis's:
#
#   tclsh prelude.tcl FILE BASEPORT INTERNALS PROGRAM...
#
# FILE is such as unit/type/hash, INTERNALS a list of what is left out and why (internals.txt),
# PROGRAM the command that starts a server when a configuration file is appended to it.
#
# The suite is used as it is. Its own procedures are loaded, and a few are replaced from outside:
# `test` catches whatever a test throws, and gives the next test living servers and fresh
# connections, and what 7.2 answers otherwise than 7.0 is as good; a body of `start_server` and `tags`, and the file itself, is run command by command;
# servers are ours to start. Lines are: word, tab, fields with their tabs and line ends escaped.

namespace eval compat {
    variable program {}
    variable internals {}
    variable rewritten {}
    variable file ""
    variable denied {
        needs:repl "tag needs:repl"
        repl "tag repl"
        psync2 "tag psync2"
        replication "tag replication"
        modules "tag modules"
        cluster "tag cluster"
        large-memory "tag large-memory"
        leaks "tag leaks"
        aof "tag aof"
        aofrw "tag aofrw"
        rdb "tag rdb"
        dismiss "tag dismiss"
        defrag "tag defrag"
        tls "tag tls"
        needs:pfdebug "tag needs:pfdebug"
        oom-score-adj "tag oom-score-adj"
    }
}

proc compat::tell {word args} {
    set line $word
    foreach field $args {
        append line \t [string map {\\ \\\\ \t \\t \n \\n \r \\r} [string range $field 0 1500]]
    }
    puts $line
    flush stdout
}

# The suite's helper ends with a main program: only its procedures and settings are wanted.
proc compat::load_definitions {path} {
    foreach command [compat::commands [compat::contents $path]] {
        if {[lindex [split [string trim $command]] 0] in {proc set source package array}} {
            uplevel #0 $command
        }
    }
}

proc compat::contents {path} {
    set file [open $path]
    set text [read $file]
    close $file
    return $text
}

# A script as a list of its commands, without its comments.
proc compat::commands {script} {
    set found {}
    set command ""
    foreach line [split $script \n] {
        if {$command eq "" && [regexp {^\s*(#.*[^\\])?$} $line]} continue
        append command $line \n
        if {![info complete $command]} continue
        if {[string index $line end] ne "\\"} {
            lappend found $command
            set command ""
        }
    }
    if {[string trim $command] ne ""} {lappend found $command}
    return $found
}

# Runs a body command by command: what fails between two tests is told, and the next one is run.
proc compat::each {script} {
    foreach command [compat::commands $script] {
        set what [string range [string trim $command] 0 60]
        if {[compat::reason_to_skip "between tests: $what"] ne ""} continue
        set code [catch {uplevel 1 $command} result options]
        if {$code == 1} {
            compat::tell exception "between tests: [lindex [split $what \n] 0]" $result
            compat::recover
        } elseif {$code != 0} {
            return -options $options $result
        }
    }
}

# After a failure: servers that are gone are started again, and the main connections are new ones,
# so that nobody is left in MULTI, in a subscription or in RESP3.
proc compat::recover {} {
    set count [llength $::servers]
    for {set level 0} {$level > -$count} {incr level -1} {
        set srv [lindex $::servers end+$level]
        if {![dict exists $srv client] && ![compat::is_gone $srv]} continue
        # The old one may be closed already, which a second close would not forgive.
        catch {[dict get $srv client] close}
        dict unset srv client
        lset ::servers end+$level $srv
        if {[catch {
            if {[compat::is_gone $srv]} {
                compat::tell note "server started again"
                restart_server $level true false
            } else {
                reconnect $level
            }
        } error]} {
            compat::tell note "could not recover: $error"
        }
    }
}

# A test that only found something else goes on with its connection, as in the suite, if that can be
# used: not in MULTI, not subscribed.
proc compat::recover_unless_well {} {
    if {[catch {r ping} answer] || $answer ne "PONG"} {compat::recover}
}

# What Redis 7.2 says in other words than 7.0.
proc compat::newer {pattern} {
    string map {
        "NOPERM*keys" "NOPERM*key"
        "NOPERM*channels" "NOPERM*channel"
        "This user has no permissions" "User * has no permissions"
        "nopass resetchannels" "nopass sanitize-payload resetchannels"
        "Unbalanced XREAD list" "Unbalanced * list"
    } $pattern
}

# The same but for the words of 7.2, or the same number with as few digits as it takes.
proc compat::are_same {left right} {
    if {$left eq $right} {return 1}
    if {[string match *.* $left] && [string is double -strict $left]
        && [string is double -strict $right]} {return [expr {$left == $right}]}
    foreach {one other} [list $left $right $right $left] {
        set pattern [compat::newer $one]
        if {$pattern ne $one && [string match $pattern $other]} {return 1}
    }
    return 0
}

# A server that was killed a moment ago may still be seen; one that hangs is not gone.
proc compat::is_gone {srv} {
    for {set tries 0} {$tries < 100} {incr tries} {
        if {![is_alive $srv]} {return 1}
        if {![catch {close [socket [dict get $srv host] [dict get $srv port]]}]} {return 0}
        after 20
    }
    return 0
}

# Why a test is left out, or the empty string.
proc compat::reason_to_skip {name} {
    foreach {file pattern reason} $compat::internals {
        if {[string match $file $::compat::file] && [string match $pattern $name]} {return $reason}
    }
    return ""
}

# What a test asks for in Redis 7.2's suite, where that differs from 7.0's in more than a word: the texts of
# newer.txt take the place of those that stand there.
proc compat::in_newer_words {name text} {
    foreach {file pattern before after} $compat::rewritten {
        if {[string match $file $::compat::file] && [string match $pattern $name]} {
            if {$text eq $before} {set text [string map {"{}" ""} $after]}
            set text [string map [list $before $after] $text]
        }
    }
    return $text
}

proc compat::read_table {path} {
    set fields {}
    foreach line [split [compat::contents $path] \n] {
        if {[string trim $line] eq "" || [string match "#*" $line]} continue
        foreach field [split [string map {" | " \x01} $line] \x01] {
            lappend fields [string trim $field]
        }
    }
    return $fields
}

proc compat::read_internals {path} {
    set compat::internals [compat::read_table $path]
    set compat::rewritten [compat::read_table [file join [file dirname $path] newer.txt]]
}

proc compat::replace_procedures {} {
    uplevel #0 {
        proc send_data_packet {fd status data {elapsed 0}} {
            if {$status in {server-spawned server-killed}} {compat::tell $status $data}
            if {$status eq "err" && [string match "Can't start*" $data]} {
                compat::tell exception "a server could not be started" [string range $data end-700 end]
            }
        }

        proc tags_acceptable {tags err_return} {
            upvar $err_return err
            foreach tag $tags {
                if {[dict exists $::compat::denied $tag]} {
                    set err [dict get $::compat::denied $tag]
                    return 0
                }
            }
            return 1
        }

        proc spawn_server {config_file stdout stderr args} {
            set ::compat::log_start [expr {[file exists $stdout] ? [file size $stdout] : 0}]
            set pid [exec {*}$::compat::program $config_file {*}[lindex $args 0] \
                >> $stdout 2>> $stderr &]
            send_data_packet $::test_server_fd server-spawned $pid
            return $pid
        }

        # Up, or over: the suite's own looks for Redis's words in the log.
        proc wait_server_started {config_file stdout pid} {
            for {set tries 0} {$tries < 1500} {incr tries} {
                set log [string range [compat::contents $stdout] $::compat::log_start end]
                if {[string match "*Ready to accept connections*" $log]} {return 0}
                if {[string match "* PID: $pid*" $log]} {return 0}
                if {[string match "*Address already in use*" $log]} {return 1}
                if {![is_alive [list pid $pid]]} {return 0}
                after 20
            }
            return 0
        }

        proc test {name code {okpattern undefined} {tags {}}} {
            set reason [compat::reason_to_skip $name]
            if {$reason eq "" && ![tags_acceptable [concat $::tags $tags] why]} {set reason $why}
            if {$reason ne ""} {
                compat::tell skip $name $reason
                return
            }
            set code [compat::in_newer_words $name $code]
            set okpattern [compat::in_newer_words $name $okpattern]
            incr ::num_tests
            set before $::cur_test
            set ::cur_test "$name in $::curfile"
            compat::tell begin $name
            if {[catch {uplevel 1 $code} result options]} {
                incr ::num_failed
                if {[string match "assertion:*" $result]} {
                    compat::tell fail $name [string range $result 10 end]
                    compat::recover_unless_well
                } else {
                    compat::tell exception $name "$result\n[dict get $options -errorinfo]"
                    compat::recover
                }
            } elseif {$okpattern eq "undefined" || $okpattern eq $result
                      || [string match $okpattern $result]
                      || [string match [compat::newer $okpattern] $result]} {
                compat::tell ok $name
                incr ::num_passed
            } else {
                compat::tell fail $name "Expected '$okpattern', got '$result'"
                incr ::num_failed
                compat::recover_unless_well
            }
            set ::cur_test $before
        }

        # Redis 7.2, which Kept follows, has listpacks where 7.0 had none.
        rename assert_encoding compat::assert_encoding
        proc assert_encoding {enc key} {
            if {$enc in {quicklist hashtable} && [r type $key] in {list set}
                && [r object encoding $key] eq "listpack"} return
            uplevel 1 [list compat::assert_encoding $enc $key]
        }
        rename assert_match compat::assert_match
        proc assert_match {pattern value {detail ""}} {
            if {[string match [compat::newer $pattern] $value]} return
            uplevel 1 [list compat::assert_match $pattern $value $detail]
        }
        rename assert_equal compat::assert_equal
        proc assert_equal {value expected {detail ""}} {
            if {[compat::are_same $value $expected]} return
            uplevel 1 [list compat::assert_equal $value $expected $detail]
        }

        rename start_server compat::start_server
        proc start_server {options {code undefined}} {
            if {$code eq "undefined"} {return [compat::start_server $options]}
            set tags $::tags
            catch {set tags [concat $tags [string map {\" ""} [dict get $options tags]]]}
            if {![tags_acceptable $tags why]} {
                compat::skip_all $code $why
                return
            }
            uplevel 1 [list compat::start_server $options [list compat::each $code]]
        }

        proc tags {tags code} {
            set outer $::tags
            set ::tags [concat $outer [string map {\" ""} $tags]]
            if {[tags_acceptable $::tags why]} {
                uplevel 1 [list compat::each $code]
            } else {
                compat::skip_all $code $why
            }
            set ::tags $outer
        }

        proc run_solo {name code} {
            uplevel 1 [list compat::each $code]
        }
    }
}

# The tests of a body that is not run are counted by their text.
proc compat::skip_all {code reason} {
    foreach {- name} [regexp -all -inline -line {^\s*test\s+(.*)$} $code] {
        set name [string trim [regsub {\s*\{\s*$} $name ""] "{}\""]
        compat::tell skip $name $reason
    }
}

proc compat::main {arguments} {
    variable program
    variable file
    set program [lassign $arguments file baseport internals]
    load_definitions tests/test_helper.tcl
    compat::replace_procedures
    read_internals $internals
    # Debian's redis-server, which shows that the harness is sound, is 7.0 itself.
    if {[string match "*redis-server" [lindex $program 0]]} {set compat::rewritten {}}
    set ::baseport $baseport
    set ::portcount 200
    set ::test_server_fd none
    # Somebody has this port: the suite wants one that is taken.
    set taken [socket -server {apply {{channel args} {close $channel}}} -myaddr 127.0.0.1 0]
    set ::test_server_port [lindex [fconfigure $taken -sockname] 2]
    set ::numclients 1
    set ::curfile "tests/$file.tcl"
    uplevel #0 [list compat::each [compat::contents $::curfile]]
    compat::tell end
}

set arguments $::argv
set ::argv {}
compat::main $arguments
