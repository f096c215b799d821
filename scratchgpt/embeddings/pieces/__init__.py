"""Files divided into pieces that can be searched: functions, sections and paragraphs."""
